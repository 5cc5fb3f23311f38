import { useCallback, useEffect, useRef, useState, type RefObject } from "react";

interface Follow {
  scrollRef: RefObject<HTMLDivElement | null>;
  contentRef: RefObject<HTMLDivElement | null>;
  /** Whether the box stays at its end while content grows. */
  pinned: boolean;
  toEnd: () => void;
}

/** Closer to the end than this counts as at the end, in CSS pixels. */
const AT_END = 24;
/** A smaller move up is rounding, not a person, in CSS pixels. */
const MOVED_UP = 3;

/** Keeps a scroll box at its end while content grows; only a person's own move upwards lets go. */
export function useFollow(): Follow {
  const scrollRef = useRef<HTMLDivElement>(null);
  const contentRef = useRef<HTMLDivElement>(null);
  const [pinned, setPinned] = useState(true);
  const pinnedNow = useRef(true);

  const pin = useCallback((value: boolean) => {
    pinnedNow.current = value;
    setPinned(value);
  }, []);

  const toEnd = useCallback(() => {
    pin(true);
    const box = scrollRef.current;
    if (box) box.scrollTop = box.scrollHeight;
  }, [pin]);

  useEffect(() => {
    const box = scrollRef.current;
    const content = contentRef.current;
    if (!box || !content) return undefined;
    return followBox(box, content, { isPinned: () => pinnedNow.current, pin });
  }, [pin]);

  return { scrollRef, contentRef, pinned, toEnd };
}

interface Pin {
  isPinned: () => boolean;
  pin: (value: boolean) => void;
}

function followBox(box: HTMLElement, content: HTMLElement, { isPinned, pin }: Pin): () => void {
  let top = 0;
  let height = 0;
  const remember = () => {
    top = box.scrollTop;
    height = box.scrollHeight;
  };
  const follow = () => {
    if (isPinned()) box.scrollTop = box.scrollHeight;
    remember();
  };
  const onScroll = () => {
    const toGo = box.scrollHeight - box.clientHeight - box.scrollTop;
    // Content that shrank moves the box up by itself: no person has scrolled.
    const shrank = box.scrollHeight < height && toGo < MOVED_UP;
    if (toGo < AT_END) pin(true);
    else if (box.scrollTop < top - MOVED_UP && !shrank) pin(false);
    remember();
  };
  const onWheel = (event: WheelEvent) => {
    if (event.deltaY < 0 && box.scrollTop > 0) pin(false);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.target === box && ["PageUp", "Home", "ArrowUp"].includes(event.key)) pin(false);
  };
  const observer = new ResizeObserver(follow);
  observer.observe(content);
  observer.observe(box);
  box.addEventListener("scroll", onScroll, { passive: true });
  box.addEventListener("wheel", onWheel, { passive: true });
  box.addEventListener("keydown", onKey);
  follow();
  return () => {
    observer.disconnect();
    box.removeEventListener("scroll", onScroll);
    box.removeEventListener("wheel", onWheel);
    box.removeEventListener("keydown", onKey);
  };
}
