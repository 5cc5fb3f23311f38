import Anser from "anser";

export interface Styled {
  text: string;
  className: string;
}

const BASIC = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;

// Sequences that move the cursor or erase; only those that style (…m) mean something here.
const ESCAPE = "\u001b";
const NOT_STYLE = new RegExp(`${ESCAPE}\\[[0-9;?]*[A-Za-ln-z]|${ESCAPE}\\][^\u0007]*\u0007`, "g");
const ANY_STYLE = new RegExp(`${ESCAPE}\\[[0-9;]*m`);

/** Text with its carriage returns and backspaces carried out, as a terminal would show it. */
export function terminalText(text: string): string {
  const plain = text.replace(NOT_STYLE, "").replaceAll("\r\n", "\n");
  if (!plain.includes("\r") && !plain.includes("\b")) return plain;
  return plain.split("\n").map(terminalLine).join("\n");
}

function terminalLine(line: string): string {
  const written = line.includes("\b") ? withoutErased(line) : line;
  return written.split("\r").reduce((shown, next) => {
    if (next === "") return shown;
    // Columns cannot be counted through style sequences; progress bars pad their lines anyway.
    if (ANY_STYLE.test(shown) || ANY_STYLE.test(next)) return next;
    return next + shown.slice(next.length);
  });
}

function withoutErased(line: string): string {
  let kept = "";
  for (const character of line) kept = character === "\b" ? kept.slice(0, -1) : kept + character;
  return kept;
}

/** Text with ANSI styles as pieces with the classes of `styles/ansi.css`. */
export function styledPieces(text: string): Styled[] {
  const pieces = Anser.ansiToJson(terminalText(text), { use_classes: true, remove_empty: true });
  return pieces.map(({ content, fg, fg_truecolor, bg, decorations }) => ({
    text: content,
    className: [colour(fg, fg_truecolor), bg ? "ansi-marked" : "", ...decorations.map(decoration)]
      .filter(Boolean)
      .join(" "),
  }));
}

function decoration(name: string): string {
  return `ansi-${name}`;
}

/** The theme's nearest of eight colours: exact ones would be unreadable in one of the themes. */
function colour(name: string, truecolor: string): string {
  if (!name) return "";
  if (name === "ansi-truecolor") return nearest(truecolor.split(",").map(Number));
  const palette = /^ansi-palette-(\d+)$/.exec(name)?.[1];
  if (palette !== undefined) return paletteColour(Number(palette));
  return name.replace("bright-", "");
}

function paletteColour(index: number): string {
  if (index < 16) return `ansi-${BASIC[index % 8] ?? "white"}`;
  if (index >= 232) return "ansi-dim";
  const level = (value: number) => (value === 0 ? 0 : 55 + 40 * value);
  const cube = index - 16;
  return nearest([Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(level));
}

function nearest(rgb: number[]): string {
  const [red = 0, green = 0, blue = 0] = rgb;
  const high = Math.max(red, green, blue);
  if (high - Math.min(red, green, blue) < 40) return "";
  const bit = (value: number) => (value > high * 0.6 ? 1 : 0);
  return `ansi-${BASIC[bit(red) + 2 * bit(green) + 4 * bit(blue)] ?? "white"}`;
}
