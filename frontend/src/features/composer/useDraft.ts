import { useState } from "react";
import { strings } from "../../shared/strings";
import { draft, keepDraft } from "../../state/drafts";
import type { SendOutcome } from "../../state/sending";

interface Draft {
  text: string;
  setText: (text: string) => void;
  /** Why the server did not take the message; null when it did. */
  refusal: string | null;
  submit: () => void;
}

/**
 * What is typed, kept over reloads. A message that is sent lives on in the outbox; one that the
 * server refuses comes back here, before what was typed meanwhile.
 */
export function useDraft(id: string, onSend: (text: string) => Promise<SendOutcome>): Draft {
  const [text, show] = useState(() => draft(id));
  const [refusal, setRefusal] = useState<string | null>(null);
  const setText = (value: string) => {
    show(value);
    keepDraft(id, value);
  };
  const restore = (sent: string) => {
    const typed = draft(id);
    setText(typed ? `${sent}\n${typed}` : sent);
  };
  const submit = () => {
    const sent = text.trim();
    setRefusal(null);
    const sending = onSend(sent);
    setText("");
    void sending.then((outcome) => {
      if (outcome.kind !== "refused") return;
      setRefusal(outcome.message || strings.errors.failed);
      restore(sent);
    });
  };
  return { text, setText, refusal, submit };
}
