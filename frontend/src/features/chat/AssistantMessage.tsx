import { memo } from "react";
import type { RunData } from "../../api/fragments";
import { strings } from "../../shared/strings";
import type { MessageView } from "../../state/types";
import { MessageActions } from "./MessageActions";
import { PartContent } from "./PartContent";
import { RunActivity } from "./RunActivity";
import { RunOutcome } from "./RunOutcome";

interface Props {
  message: MessageView;
  /** The run that is going on, if it writes this message. */
  run: RunData | null;
  /** Null when it cannot be written again: it is not the newest, or one is being written. */
  onRegenerate: ((messageId: string) => void) | null;
}

/** An answer: text, code that was run with its outputs, and how it ended. */
export const AssistantMessage = memo(function AssistantMessage(props: Props) {
  const { message, run, onRegenerate } = props;
  const streaming = message.status === "IN_PROGRESS";
  const last = message.parts.length - 1;
  const regenerate = onRegenerate && (() => onRegenerate(message.id));
  return (
    <article
      aria-label={strings.chat.assistant}
      aria-busy={streaming}
      className="assistant-message"
    >
      {message.parts.map((part, index) => (
        <PartContent key={index} part={part} streaming={streaming && index === last} />
      ))}
      {streaming && isWaiting(message, run) && <RunActivity run={run} />}
      <RunOutcome message={message} onRegenerate={regenerate} />
      {message.status === "COMPLETED" && (
        <MessageActions message={message} onRegenerate={regenerate} />
      )}
    </article>
  );
});

/** Whether nothing else shows that the answer goes on. */
function isWaiting(message: MessageView, run: RunData | null): boolean {
  const part = message.parts.at(-1);
  if (!part) return true;
  if (part.kind === "cell") return part.cell.completedAt !== null || part.cell.status === "QUEUED";
  return run?.phase !== "GENERATING" && run?.phase !== undefined;
}
