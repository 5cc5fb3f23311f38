import { ChevronRight } from "lucide-react";
import { memo, useState } from "react";
import { HighlightedCode } from "../../markdown/HighlightedCode";
import { OutputItem } from "../../outputs/OutputItem";
import { CopyButton } from "../../shared/CopyButton";
import { formatDuration } from "../../shared/format";
import { strings } from "../../shared/strings";
import type { CellView } from "../../state/types";
import { CellStatus } from "./CellStatus";

/** Code that the kernel runs, and what it puts out. */
export const CellCard = memo(function CellCard({ cell }: { cell: CellView }) {
  const [open, setOpen] = useState(true);
  const running = cell.status === "RUNNING";
  const duration = cellDuration(cell);
  return (
    <section aria-label={strings.cell.label(cell.executionCount)} className="cell">
      <header>
        <button
          type="button"
          className="button-quiet"
          aria-expanded={open}
          aria-label={strings.cell.toggle}
          onClick={() => setOpen(!open)}
        >
          <ChevronRight aria-hidden className={`size-4 ${open ? "rotate-90" : ""}`} />
          <span>{strings.cell.language}</span>
        </button>
        {cell.executionCount !== null && (
          <code className="text-xs text-muted">In [{cell.executionCount}]</code>
        )}
        <CellStatus status={cell.status} />
        {duration !== null && (
          <span className="text-xs text-muted tabular-nums">{formatDuration(duration)}</span>
        )}
        <span className="flex-1" />
        {cell.status !== "WRITING" && (
          <CopyButton text={cell.source.text} label={strings.cell.copyCode} />
        )}
      </header>
      {open && (
        <pre tabIndex={0} aria-label={strings.cell.code} className="cell-code" dir="ltr">
          <HighlightedCode code={cell.source.text.trimEnd()} language={cell.language} />
        </pre>
      )}
      {cell.outputs.length > 0 && (
        <div className="cell-outputs">
          {cell.outputs.map((output) => (
            <OutputItem key={output.index} output={output} running={running} />
          ))}
        </div>
      )}
    </section>
  );
});

/** How long the kernel took, in milliseconds; null until it is done. */
function cellDuration({ startedAt, completedAt }: CellView): number | null {
  if (startedAt === null || completedAt === null) return null;
  return Date.parse(completedAt) - Date.parse(startedAt);
}
