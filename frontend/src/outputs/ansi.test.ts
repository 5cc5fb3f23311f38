import { describe, expect, it } from "vitest";
import { styledPieces, terminalText } from "./ansi";

const ESC = "\u001b";

describe("terminal text", () => {
  it.each([
    ["a\rb", "b"],
    ["hello\rab", "abllo"],
    [" 10%\r 20%\r", " 20%"],
    ["one\r\ntwo", "one\ntwo"],
    ["a\rb\nc\rd", "b\nd"],
    ["abc\b\bX", "aX"],
    [`${ESC}[31mred\rnext`, "next"],
    [`cleared${ESC}[2K\rline${ESC}[1A`, "linered"],
    [`${ESC}]0;title\u0007text`, "text"],
  ])("%j is shown as %j", (text, shown) => {
    expect(terminalText(text)).toBe(shown);
  });
});

describe("styles", () => {
  const classes = (text: string) => styledPieces(text).map((piece) => piece.className);

  it.each([
    ["31", "ansi-red"],
    ["91", "ansi-red"],
    ["38;5;28", "ansi-green"],
    ["38;5;9", "ansi-red"],
    ["38;5;245", "ansi-dim"],
    ["38;2;10;20;200", "ansi-blue"],
    ["38;2;90;90;90", ""],
    ["1", "ansi-bold"],
    ["43", "ansi-marked"],
  ])("%s becomes %j", (code, className) => {
    expect(classes(`${ESC}[${code}mx${ESC}[0m`)).toEqual([className]);
  });

  it("end with a reset, and the text is what is left", () => {
    const pieces = styledPieces(`${ESC}[1;31mError${ESC}[0m: no <b>`);
    expect(pieces).toEqual([
      { text: "Error", className: "ansi-red ansi-bold" },
      { text: ": no <b>", className: "" },
    ]);
  });
});
