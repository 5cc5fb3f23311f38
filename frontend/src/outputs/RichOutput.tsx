import { lazy, Suspense } from "react";
import type { OutputData } from "../api/fragments";
import { Markdown } from "../markdown/Markdown";
import { strings } from "../shared/strings";
import { DownloadLink } from "./DownloadLink";
import { ImageOutput } from "./ImageOutput";
import { describe, richest } from "./representations";
import { TextOutput } from "./TextOutput";

const HtmlOutput = lazy(() => import("./HtmlOutput"));

type Rich = Extract<OutputData, { __typename: "DisplayOutput" | "ResultOutput" }>;

/** Something that was shown or returned, in the richest form that the page has a renderer for. */
export function RichOutput({ output }: { output: Rich }) {
  const { download, truncated } = output;
  const choice = richest(output.representations);
  switch (choice.kind) {
    case "image": {
      const description = describe(output.representations);
      return (
        <ImageOutput url={choice.url} filename={download.filename} description={description} />
      );
    }
    case "html":
      return (
        <Suspense fallback={<p className="note">{strings.loading}</p>}>
          <HtmlOutput html={choice.text} download={download} />
        </Suspense>
      );
    case "markdown":
      return <Markdown text={choice.text} />;
    case "text":
      return (
        <TextOutput
          text={choice.text}
          label={strings.cell.output}
          tone="plain"
          wrap
          truncated={truncated}
          download={download}
        />
      );
    case "figure":
    case "unknown":
      return (
        <p className="note">
          {choice.kind === "figure"
            ? strings.output.figure
            : strings.output.unknown(choice.mediaType)}{" "}
          <DownloadLink download={{ ...download, url: choice.url }} />
        </p>
      );
  }
}
