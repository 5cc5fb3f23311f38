import { lexer } from "marked";
import { describe, expect, it } from "vitest";
import { IncrementalLexer } from "./blocks";

const DOCUMENTS = [
  "- a\n\n- b\n\n  c\n\ntext\n\n1. x\n2. y\n",
  "a\n===\nb\n---\n| a | b |\n|--|--|\n| 1 | 2 |\n\n> q\nlazy\n\n```py\nx\n\n```\n\n    indented\n\nend",
  "[r]: https://example.org\n\n[r] and *more*\n\n<div>\nhi\n\n</div>\n\nlast",
  "* a\n\n* b\n\n\n* c\n- d\n\n```\nunclosed\n\n# not a heading",
  "# Title\n\nOne 😀 **two**\nthree\n\n---\n\n| x |\n|---|\n| 1 |\n| 2 |\n\nafter",
];

describe.each(DOCUMENTS)("%j", (text) => {
  it.each([1, 3, 7])("gives the same blocks in pieces of %i", (size) => {
    const incremental = new IncrementalLexer();
    for (let end = 0; end < text.length; end += size) incremental.update(text.slice(0, end));
    const blocks = incremental.update(text).map(({ token }) => token);
    expect(plain(blocks)).toEqual(plain(lexer(text, { gfm: true })));
  });
});

it("keeps settled blocks as the same objects", () => {
  const incremental = new IncrementalLexer();
  const first = incremental.update("one\n\ntwo\n\nthree\n\n");
  const next = incremental.update("one\n\ntwo\n\nthree\n\nfour");
  expect(next[0]).toBe(first[0]);
  expect(next[2]).toBe(first[2]);
});

it("starts over with a text that does not continue the old one", () => {
  const incremental = new IncrementalLexer();
  incremental.update("one\n\ntwo\n\nthree\n\nfour");
  const blocks = incremental.update("# other").map(({ token }) => token.type);
  expect(blocks).toEqual(["heading"]);
});

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
