import { useEffect, useRef, useState, type SubmitEvent, type KeyboardEvent } from "react";
import { strings } from "../../shared/strings";
import type { ListedConversation } from "../../state/list";
import { renameConversation } from "./conversationCommands";

interface Props {
  conversation: ListedConversation;
  /** `byKey` when Enter or Esc ended it, and so the focus has nowhere to be. */
  onDone: (byKey: boolean) => void;
}

/** What the server takes: more would be refused, and lost. */
const LONGEST = 200;

/** Renames in place: Enter or leaving saves, Esc does not. */
export function RenameForm({ conversation, onDone }: Props) {
  const [title, setTitle] = useState(conversation.title);
  const field = useRef<HTMLInputElement>(null);
  const done = useRef(false);
  useEffect(() => field.current?.select(), []);

  const finish = (save: boolean, byKey: boolean) => {
    if (done.current) return;
    done.current = true;
    const wanted = title.trim();
    if (save && wanted !== "" && wanted !== conversation.title) {
      renameConversation(conversation.id, wanted);
    }
    onDone(byKey);
  };
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    finish(true, true);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    finish(false, true);
  };
  return (
    <form onSubmit={onSubmit}>
      <input
        ref={field}
        aria-label={strings.sidebar.renameLabel}
        className="rename-field"
        maxLength={LONGEST}
        value={title}
        onChange={(event) => setTitle(event.target.value)}
        onKeyDown={onKeyDown}
        onBlur={() => finish(true, false)}
      />
    </form>
  );
}
