import { useEffect, useRef } from "react";
import { strings } from "../../shared/strings";

/** Loads the next page when it comes into view, or when it is pressed. */
export function LoadMore({ onLoad }: { onLoad: () => Promise<void> }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!button.current) return undefined;
    const observer = new IntersectionObserver(([entry]) => {
      // What fails here can be tried again by pressing the button.
      if (entry?.isIntersecting) onLoad().catch(() => undefined);
    });
    observer.observe(button.current);
    return () => observer.disconnect();
  }, [onLoad]);
  return (
    <button
      ref={button}
      type="button"
      className="button-quiet w-full justify-center"
      onClick={() => void onLoad().catch(() => undefined)}
    >
      {strings.sidebar.more}
    </button>
  );
}
