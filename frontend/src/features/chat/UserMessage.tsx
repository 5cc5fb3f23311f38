import { memo } from "react";
import { strings } from "../../shared/strings";
import { plainText } from "../../state/outbox";
import type { MessageView } from "../../state/types";

/** What the user wrote, literally. */
export const UserMessage = memo(function UserMessage({ message }: { message: MessageView }) {
  return (
    <article aria-label={strings.chat.you} className="user-message">
      <p className="whitespace-pre-wrap" dir="auto">
        {plainText(message)}
      </p>
    </article>
  );
});
