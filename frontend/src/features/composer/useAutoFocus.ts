import { useEffect, type RefObject } from "react";

/** Focuses a box when it appears, except where that would open an on-screen keyboard. */
export function useAutoFocus(box: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    if (!matchMedia("(pointer: coarse)").matches) box.current?.focus({ preventScroll: true });
  }, [box]);
}
