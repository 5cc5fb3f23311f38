import { expect, it } from "vitest";
import { describe as describeImage, richest } from "./representations";

const of = (mediaType: string, text: string | null = null) => ({
  mediaType,
  text,
  url: `/outputs/o?type=${mediaType}`,
  byteSize: 1,
});

it.each([
  ["image", [of("image/png"), of("text/plain", "<Figure>")]],
  ["image", [of("image/svg+xml", "<svg/>"), of("text/plain", "x")]],
  ["html", [of("text/html", "<table>"), of("text/plain", "x")]],
  ["text", [of("text/html", null), of("text/plain", "too large as HTML")]],
  ["markdown", [of("text/markdown", "# x"), of("text/plain", "x")]],
  ["figure", [of("application/vnd.plotly.v1+json"), of("text/html", "<script>")]],
  ["unknown", [of("application/x-strange")]],
  ["unknown", []],
])("shows it as %s", (kind, representations) => {
  expect(richest(representations).kind).toBe(kind);
});

it("describes an image by its text, unless that is only its class", () => {
  expect(describeImage([of("text/plain", "Sales by month")])).toBe("Sales by month");
  expect(describeImage([of("text/plain", "<Figure size 640x480 with 1 Axes>")])).toBeNull();
  expect(describeImage([of("image/png")])).toBeNull();
});
