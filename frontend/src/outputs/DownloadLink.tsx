import { Download } from "lucide-react";
import type { OutputData } from "../api/fragments";
import { strings } from "../shared/strings";

interface Props {
  download: Pick<OutputData["download"], "url" | "filename">;
  label?: string;
}

export function DownloadLink({ download, label = strings.output.download }: Props) {
  return (
    <a href={download.url} download={download.filename} className="button-quiet">
      <Download aria-hidden className="size-3.5" />
      <span>{label}</span>
    </a>
  );
}
