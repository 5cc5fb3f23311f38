import { ArrowUp, Square } from "lucide-react";
import { type KeyboardEvent, type RefObject, type SubmitEvent } from "react";
import { strings } from "../../shared/strings";
import type { SendOutcome } from "../../state/sending";
import { focusBox, useAutoFocus } from "./useAutoFocus";
import { useDraft } from "./useDraft";

interface Props {
  /** Whose draft this is. */
  id: string;
  box: RefObject<HTMLTextAreaElement | null>;
  /** Whether an answer is being written. */
  busy: boolean;
  onSend: (text: string) => Promise<SendOutcome>;
  onStop: () => void;
}

export function Composer({ id, box, busy, onSend, onStop }: Props) {
  const { text, setText, refusal, submit } = useDraft(id, onSend);
  useAutoFocus(box);

  const sendable = text.trim() !== "" && !busy;
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    focusBox(box);
    if (sendable) submit();
  };
  const stop = () => {
    focusBox(box);
    onStop();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!sends(event)) return;
    event.preventDefault();
    if (sendable) submit();
  };

  return (
    <form onSubmit={onSubmit}>
      {refusal !== null && (
        <p role="alert" className="alert mb-2">
          {refusal}
        </p>
      )}
      {busy && text.trim() !== "" && <p className="note mb-2">{strings.composer.busy}</p>}
      <div className="composer">
        <textarea
          ref={box}
          aria-label={strings.composer.label}
          placeholder={strings.composer.placeholder}
          rows={1}
          dir="auto"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
        />
        {busy ? (
          <StopButton onStop={stop} />
        ) : (
          <button
            type="submit"
            className="composer-button composer-send"
            aria-label={strings.composer.send}
            title={strings.composer.hint}
            disabled={!sendable}
          >
            <ArrowUp aria-hidden className="size-5" />
          </button>
        )}
      </div>
    </form>
  );
}

function StopButton({ onStop }: { onStop: () => void }) {
  return (
    <button
      type="button"
      className="composer-button composer-stop"
      aria-label={strings.composer.stop}
      onClick={onStop}
    >
      <Square aria-hidden className="size-4" fill="currentColor" />
    </button>
  );
}

/** Enter sends; with Shift, while a word is being composed, or on a touch screen it does not. */
function sends(event: KeyboardEvent): boolean {
  if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return false;
  return !matchMedia("(pointer: coarse)").matches;
}
