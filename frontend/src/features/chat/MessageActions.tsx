import { RotateCw } from "lucide-react";
import { CopyButton } from "../../shared/CopyButton";
import { strings } from "../../shared/strings";
import type { MessageView } from "../../state/types";
import { asMarkdown } from "./asMarkdown";

interface Props {
  message: MessageView;
  onRegenerate: (() => void) | null;
}

export function MessageActions({ message, onRegenerate }: Props) {
  return (
    <div className="-ms-2 flex gap-1">
      <CopyButton text={asMarkdown(message)} label={strings.chat.copyMessage} />
      {onRegenerate && (
        <button type="button" className="button-quiet" onClick={onRegenerate}>
          <RotateCw aria-hidden className="size-3.5" />
          <span>{strings.chat.regenerate}</span>
        </button>
      )}
    </div>
  );
}
