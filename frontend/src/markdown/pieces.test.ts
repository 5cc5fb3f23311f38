import { expect, it } from "vitest";
import { highlight } from "./highlight";
import { pieces } from "./pieces";

const code = Array.from(
  { length: 200 },
  (_, index) =>
    `def f${index}(x):\n    """About\n\nf${index}."""\n    return [\n        x\n    ]\n`,
).join("\n");

it("gives the code back, in pieces that stay the same while it grows", () => {
  const all = pieces(code);
  expect(all.join("")).toBe(code);
  expect(all.length).toBeGreaterThan(10);
  const part = pieces(code.slice(0, 3_000));
  expect(all.slice(0, part.length - 1)).toEqual(part.slice(0, -1));
});

it("highlights in pieces as it does in whole", () => {
  const whole = highlight(code, "python");
  expect(
    pieces(code)
      .map((piece) => highlight(piece, "python"))
      .join(""),
  ).toBe(whole);
});

it("escapes what looks like HTML, and leaves unknown languages alone", () => {
  expect(highlight("x = '<b>'", "python")).toContain("&lt;b&gt;");
  expect(highlight("x", "brainfog")).toBeNull();
});
