import { useEffect, useRef, type ReactNode } from "react";
import { useLocation } from "react-router";
import { drawerOpen } from "../../app/drawer";
import { strings } from "../../shared/strings";
import { useObservable } from "../../shared/useObservable";

/** The list of conversations over the page; closed by Esc, a press beside it, or going somewhere. */
export function Drawer({ children }: { children: ReactNode }) {
  const open = useObservable(drawerOpen);
  const { key } = useLocation();
  const dialog = useRef<HTMLDialogElement>(null);

  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  useEffect(() => drawerOpen.set(false), [key]);
  useEffect(() => {
    // A press on the backdrop counts as one on the dialog itself; the keyboard has Esc.
    const element = dialog.current;
    const onClick = (event: MouseEvent) => {
      if (event.target === element) drawerOpen.set(false);
    };
    element?.addEventListener("click", onClick);
    return () => element?.removeEventListener("click", onClick);
  }, []);

  return (
    <dialog
      ref={dialog}
      className="drawer"
      aria-label={strings.sidebar.label}
      onClose={() => drawerOpen.set(false)}
    >
      {open && children}
    </dialog>
  );
}
