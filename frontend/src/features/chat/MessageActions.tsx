import { RotateCw } from "lucide-react";
import { CopyButton } from "../../shared/CopyButton";
import { formatDateTime, formatTime } from "../../shared/format";
import { strings } from "../../shared/strings";
import type { MessageView } from "../../state/types";
import { asMarkdown } from "./asMarkdown";

interface Props {
  message: MessageView;
  onRegenerate: (() => void) | null;
}

export function MessageActions({ message, onRegenerate }: Props) {
  return (
    <div className="-ms-2 flex items-center gap-1">
      <CopyButton text={asMarkdown(message)} label={strings.chat.copyMessage} />
      {onRegenerate && (
        <button type="button" className="button-quiet" onClick={onRegenerate}>
          <RotateCw aria-hidden className="size-3.5" />
          <span>{strings.chat.regenerate}</span>
        </button>
      )}
      <time
        dateTime={message.createdAt}
        title={formatDateTime(message.createdAt)}
        className="ms-1 text-xs text-muted"
      >
        {formatTime(message.createdAt)}
      </time>
    </div>
  );
}
