import { memo } from "react";
import { formatDateTime } from "../../shared/format";
import { strings } from "../../shared/strings";
import { plainText } from "../../state/outbox";
import type { MessageView } from "../../state/types";

/** What the user wrote, literally. */
export const UserMessage = memo(function UserMessage({ message }: { message: MessageView }) {
  return (
    <article
      aria-label={strings.chat.you}
      className="user-message"
      title={formatDateTime(message.createdAt)}
    >
      <p className="whitespace-pre-wrap" dir="auto">
        {plainText(message)}
      </p>
    </article>
  );
});
