import { useEffect, useId, useRef } from "react";
import { strings } from "./strings";

interface Props {
  title: string;
  text: string;
  action: string;
  onConfirm: () => void;
  /** Gives the focus back too: the menu that had it is gone. */
  onClose: () => void;
}

/** Asks before something is done that cannot be undone. The browser's own dialog traps the focus. */
export function ConfirmDialog({ title, text, action, onConfirm, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  const confirm = () => {
    onConfirm();
    dialog.current?.close();
  };
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      onClose={onClose}
    >
      <h2 id={`${id}-title`} className="text-lg font-semibold">
        {title}
      </h2>
      <p id={`${id}-text`} className="mt-2 text-muted">
        {text}
      </p>
      <div className="mt-6 flex justify-end gap-2">
        <button type="button" className="button-outline" onClick={() => dialog.current?.close()}>
          {strings.cancel}
        </button>
        <button type="button" className="button-danger" onClick={confirm}>
          {action}
        </button>
      </div>
    </dialog>
  );
}
