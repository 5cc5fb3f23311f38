import type { LiveText } from "./types";

const SURROGATE_PAIRS = /[\uD800-\uDBFF][\uDC00-\uDFFF]/g;

/** The number of Unicode code points; a JavaScript string counts UTF-16 units. */
export function codePoints(text: string): number {
  return text.length - (text.match(SURROGATE_PAIRS)?.length ?? 0);
}

export function liveText(text: string): LiveText {
  return { text, length: codePoints(text) };
}

/**
 * `current` with a delta added at `offset` (in code points): what is here already is ignored.
 * Null when text is missing in between.
 */
export function append(current: LiveText, offset: number, text: string): LiveText | null {
  if (offset > current.length) return null;
  const overlap = current.length - offset;
  const added = overlap === 0 ? text : Array.from(text).slice(overlap).join("");
  if (added === "") return current;
  return { text: current.text + added, length: current.length + codePoints(added) };
}

/** What a delta makes of a text with a revision; null when text is missing in between. */
export function revise(
  current: { content: LiveText; revision: number },
  delta: { revision: number; offset: number; text: string },
): { content: LiveText; revision: number } | null {
  if (delta.revision < current.revision) return current;
  const begunAnew = delta.revision > current.revision;
  const content = append(begunAnew ? liveText("") : current.content, delta.offset, delta.text);
  return content && { content, revision: delta.revision };
}
