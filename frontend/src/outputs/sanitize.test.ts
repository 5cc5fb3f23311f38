import { expect, it } from "vitest";
import { sanitize } from "./sanitize";

it("keeps a table and takes its styles out", () => {
  const { html, reduced } = sanitize(
    '<style scoped>th { color: red }</style><table style="a"><tr><th scope="row">x</th></tr></table>',
  );
  expect(html).toBe('<table><tbody><tr><th scope="row">x</th></tr></tbody></table>');
  expect(reduced).toBe(false);
});

it.each([
  ["<script>alert(1)</script>", ""],
  ['<p onclick="alert(1)">x</p>', "<p>x</p>"],
  ["<img src=x onerror=alert(1)>", ""],
  ['<img src="https://evil.example/x.png">', ""],
  [
    '<a href="javascript:alert(1)">x</a>',
    '<a target="_blank" rel="noopener noreferrer nofollow">x</a>',
  ],
  ['<form action="/x"><input name="y"></form>', ""],
  ['<iframe src="/"></iframe>', ""],
  ['<p id="main" class="alert" style="color:red">x</p>', "<p>x</p>"],
  ["<svg><script>alert(1)</script></svg>", ""],
  [
    '<table><tr><td colspan="2">x</td></tr></table>',
    '<table><tbody><tr><td colspan="2">x</td></tr></tbody></table>',
  ],
  ["<math><mi>x</mi></math>", ""],
  ["text with style=1 onx=2", "text with style=1 onx=2"],
])("%s leaves %j", (html, clean) => {
  expect(sanitize(html).html).toBe(clean);
});

it("says when what only scripts could show is missing", () => {
  expect(sanitize("<div></div><script src=plotly></script>").reduced).toBe(true);
  expect(sanitize("<p>scripted</p>").reduced).toBe(false);
});
