import { useEffect, type RefObject } from "react";

/** Focuses a box when it appears, except where that would open an on-screen keyboard. */
export function useAutoFocus(box: RefObject<HTMLElement | null>): void {
  useEffect(() => focusBox(box), [box]);
}

/** The same for a box that is there, when a control goes that may have the focus. */
export function focusBox(box: RefObject<HTMLElement | null>): void {
  if (!matchMedia("(pointer: coarse)").matches) box.current?.focus({ preventScroll: true });
}
