import { memo } from "react";
import { CopyButton } from "../shared/CopyButton";
import { strings } from "../shared/strings";
import { HighlightedCode } from "./HighlightedCode";

interface Props {
  code: string;
  language: string;
  streaming: boolean;
}

/** A fenced block of code in an answer that is not run. */
export const CodeBlock = memo(function CodeBlock({ code, language, streaming }: Props) {
  return (
    <figure className="code-block" dir="ltr">
      <figcaption>
        <span>{language || "text"}</span>
        {!streaming && <CopyButton text={code} label={strings.cell.copyCode} />}
      </figcaption>
      <pre tabIndex={0} aria-label={strings.cell.code}>
        <HighlightedCode code={code} language={language} />
      </pre>
    </figure>
  );
});
