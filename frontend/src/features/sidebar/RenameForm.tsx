import { useEffect, useRef, useState, type SubmitEvent, type KeyboardEvent } from "react";
import { strings } from "../../shared/strings";
import type { ListedConversation } from "../../state/list";
import { renameConversation } from "./conversationCommands";

interface Props {
  conversation: ListedConversation;
  onDone: () => void;
}

/** Renames in place: Enter or leaving saves, Esc does not. */
export function RenameForm({ conversation, onDone }: Props) {
  const [title, setTitle] = useState(conversation.title);
  const field = useRef<HTMLInputElement>(null);
  const done = useRef(false);
  useEffect(() => field.current?.select(), []);

  const finish = (save: boolean) => {
    if (done.current) return;
    done.current = true;
    const wanted = title.trim();
    if (save && wanted !== "" && wanted !== conversation.title) {
      renameConversation(conversation.id, wanted);
    }
    onDone();
  };
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    finish(true);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    finish(false);
  };
  return (
    <form onSubmit={onSubmit}>
      <input
        ref={field}
        aria-label={strings.sidebar.renameLabel}
        className="rename-field"
        value={title}
        onChange={(event) => setTitle(event.target.value)}
        onKeyDown={onKeyDown}
        onBlur={() => finish(true)}
      />
    </form>
  );
}
