import type { OutputData } from "../api/fragments";

type Representation = Extract<
  OutputData,
  { __typename: "DisplayOutput" }
>["representations"][number];

export type Choice =
  | { kind: "image"; url: string }
  | { kind: "html" | "markdown" | "text"; text: string }
  | { kind: "figure"; url: string }
  | { kind: "unknown"; mediaType: string; url: string };

const PLOTLY = "application/vnd.plotly.v1+json";

/** The first representation, in the page's order of preference, that the page can show. */
export function richest(representations: readonly Representation[]): Choice {
  const plotly = representations.find(({ mediaType }) => mediaType === PLOTLY);
  if (plotly) return { kind: "figure", url: plotly.url };
  const image = representations.find(({ mediaType }) => mediaType.startsWith("image/"));
  const html = textOf(representations, "text/html");
  if (html !== null) return { kind: "html", text: html };
  if (image) return { kind: "image", url: image.url };
  const markdown = textOf(representations, "text/markdown");
  if (markdown !== null) return { kind: "markdown", text: markdown };
  const text = textOf(representations, "text/plain");
  if (text !== null) return { kind: "text", text };
  const [first] = representations;
  return { kind: "unknown", mediaType: first?.mediaType ?? "", url: first?.url ?? "" };
}

/** What an image's object says of itself; its class and address in memory help nobody. */
export function describe(representations: readonly Representation[]): string | null {
  const text = textOf(representations, "text/plain");
  return text === null || text.startsWith("<") ? null : text;
}

function textOf(representations: readonly Representation[], mediaType: string): string | null {
  return representations.find((it) => it.mediaType === mediaType)?.text ?? null;
}
