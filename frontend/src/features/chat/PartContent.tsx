import { memo } from "react";
import { Markdown } from "../../markdown/Markdown";
import { strings } from "../../shared/strings";
import type { PartView } from "../../state/types";
import { CellCard } from "./CellCard";

interface Props {
  part: PartView;
  streaming: boolean;
}

/** One part of an answer. Errors are shown by `RunOutcome`, at the end. */
export const PartContent = memo(function PartContent({ part, streaming }: Props) {
  switch (part.kind) {
    case "text":
      return <Markdown text={part.content.text} streaming={streaming} />;
    case "reasoning":
      return (
        <details className="reasoning">
          <summary>{strings.chat.reasoning}</summary>
          <Markdown text={part.content.text} streaming={streaming} />
        </details>
      );
    case "cell":
      return <CellCard cell={part.cell} />;
    case "error":
      return null;
  }
});
