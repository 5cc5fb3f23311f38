/** Lines that are highlighted together; fewer cost nothing, more cost much on each update. */
const PIECE_LINES = 30;

/**
 * The places at which code can be cut so that each piece highlights on its own: every ~30 lines,
 * before a line that begins at the margin and outside of strings over several lines.
 */
function cuts(code: string): number[] {
  const found: number[] = [];
  let lines = 0;
  let quotes = 0;
  let start = 0;
  for (let end = code.indexOf("\n"); end >= 0; end = code.indexOf("\n", start)) {
    quotes += code.slice(start, end).split(/"""|'''|`/).length - 1;
    start = end + 1;
    lines += 1;
    if (
      lines >= PIECE_LINES &&
      quotes % 2 === 0 &&
      /^[^\s)\]}]/.test(code.slice(start, start + 1))
    ) {
      found.push(start);
      lines = 0;
    }
  }
  return found;
}

/** The code in pieces that highlight on their own; all but the last stay the same while it grows. */
export function pieces(code: string): string[] {
  const bounds = [0, ...cuts(code), code.length];
  return bounds.slice(1).map((end, index) => code.slice(bounds[index], end));
}
