import { useState } from "react";
import type { OutputData } from "../api/fragments";
import { formatBytes } from "../shared/format";
import { strings } from "../shared/strings";
import { Ansi } from "./Ansi";
import { DownloadLink } from "./DownloadLink";

interface Props {
  text: string;
  label: string;
  /** Errors stand out. */
  tone: "plain" | "error";
  /** Whether lines may break; a traceback scrolls sideways instead. */
  wrap: boolean;
  /** Whether more text may come: then its end is shown, not its start. */
  growing?: boolean;
  truncated: boolean;
  download: OutputData["download"];
}

const SHORT = 4_000;
const LONGEST = 1_000_000;

export function TextOutput({ text, label, tone, wrap, growing = false, ...rest }: Props) {
  const [all, setAll] = useState(false);
  const long = text.length > SHORT;
  const huge = text.length > LONGEST;
  return (
    <div>
      <pre
        tabIndex={0}
        aria-label={label}
        dir="ltr"
        className={`text-output ${tone === "error" ? "text-output-error" : ""}`}
        data-wrap={wrap}
        data-expanded={all}
      >
        <Ansi text={all && !huge ? text : shortened(text, growing)} />
      </pre>
      {long && !huge && (
        <button
          type="button"
          className="button-quiet"
          aria-expanded={all}
          onClick={() => setAll(!all)}
        >
          {all ? strings.output.less : strings.output.more(formatBytes(text.length))}
        </button>
      )}
      {(rest.truncated || huge) && (
        <p className="note">
          {strings.output.truncated} <DownloadLink download={rest.download} />
        </p>
      )}
    </div>
  );
}

function shortened(text: string, growing: boolean): string {
  if (text.length <= SHORT) return text;
  return growing ? text.slice(-SHORT) : text.slice(0, SHORT);
}
