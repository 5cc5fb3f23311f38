import { useRef } from "react";
import { X } from "lucide-react";
import { strings } from "../shared/strings";
import { DownloadLink } from "./DownloadLink";

interface Props {
  url: string;
  filename: string;
  /** What the object says of itself, where that is more than its class and address. */
  description: string | null;
}

/** An image that can be enlarged and downloaded. SVG too comes as an image, so no script in it runs. */
export function ImageOutput({ url, filename, description }: Props) {
  const lightbox = useRef<HTMLDialogElement>(null);
  const alt = description ?? strings.output.image;
  return (
    <figure className="image-output">
      <button
        type="button"
        aria-label={`${strings.output.enlarge}: ${alt}`}
        onClick={() => lightbox.current?.showModal()}
      >
        <img src={url} alt={alt} />
      </button>
      <figcaption>
        <DownloadLink download={{ url, filename }} label={strings.output.downloadImage} />
      </figcaption>
      <dialog ref={lightbox} className="lightbox" aria-label={strings.output.lightbox}>
        <form method="dialog">
          <button type="submit" className="button-icon" aria-label={strings.close}>
            <X aria-hidden className="size-5" />
          </button>
        </form>
        <img src={url} alt={alt} />
      </dialog>
    </figure>
  );
}
