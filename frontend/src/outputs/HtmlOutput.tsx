import { useMemo } from "react";
import type { OutputData } from "../api/fragments";
import { strings } from "../shared/strings";
import { DownloadLink } from "./DownloadLink";
import { sanitize } from "./sanitize";

interface Props {
  html: string;
  download: OutputData["download"];
}

const TABLE = /<table\b/i;

/** HTML, of which tables and text are shown and nothing runs. */
export default function HtmlOutput({ html, download }: Props) {
  const safe = useMemo(() => sanitize(html), [html]);
  return (
    <div>
      <div
        className="html-output"
        tabIndex={0}
        role="region"
        aria-label={TABLE.test(safe.html) ? strings.output.table : strings.output.html}
        dangerouslySetInnerHTML={{ __html: safe.html }}
      />
      {safe.reduced && (
        <p className="note">
          {strings.output.scriptsRemoved} <DownloadLink download={download} />
        </p>
      )}
    </div>
  );
}
