import { RotateCw, Trash2, TriangleAlert } from "lucide-react";
import { strings } from "../../shared/strings";
import type { Outgoing } from "../../state/outbox";

interface Props {
  item: Outgoing;
  onRetry: () => void;
  onDiscard: () => void;
}

/** A message on its way to the server, or one that did not get there. */
export function OutgoingMessage({ item, onRetry, onDiscard }: Props) {
  const failed = item.status === "failed";
  return (
    <article aria-label={strings.chat.you} className="ms-auto w-fit max-w-[85%]">
      <p className={`user-message whitespace-pre-wrap ${failed ? "opacity-80" : ""}`} dir="auto">
        {item.text}
      </p>
      {failed && (
        <div className="mt-1 flex items-center justify-end gap-1 text-sm text-danger">
          <TriangleAlert aria-hidden className="size-4" />
          <span>{strings.chat.notSent}</span>
          <button type="button" className="button-quiet" onClick={onRetry}>
            <RotateCw aria-hidden className="size-3.5" />
            <span>{strings.retry}</span>
          </button>
          <button type="button" className="button-quiet" onClick={onDiscard}>
            <Trash2 aria-hidden className="size-3.5" />
            <span>{strings.chat.discard}</span>
          </button>
        </div>
      )}
    </article>
  );
}
