import { useEffect, useRef, useState } from "react";
import { strings } from "./strings";
import { toast } from "./toasts";

const SHOWN_MS = 1_500;

/** Copies a text; `copied` is true for a moment afterwards. */
export function useCopy(): { copied: boolean; copy: (text: string) => void } {
  const [copied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = (text: string) => {
    writeClipboard(text).then(
      () => {
        setCopied(true);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => setCopied(false), SHOWN_MS);
      },
      () => toast(strings.errors.copy, "error"),
    );
  };
  return { copied, copy };
}

/** Fails where the page has no clipboard: without HTTPS, on another host than this machine. */
async function writeClipboard(text: string): Promise<void> {
  await navigator.clipboard.writeText(text);
}
