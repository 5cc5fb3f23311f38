import { CircleStop, RotateCw, TriangleAlert } from "lucide-react";
import type { RunErrorData } from "../../api/fragments";
import { nextSteps, strings } from "../../shared/strings";
import type { MessageView } from "../../state/types";

interface Props {
  message: MessageView;
  onRegenerate: (() => void) | null;
}

/** Why an answer ended before it was whole, and what to do next. */
export function RunOutcome({ message, onRegenerate }: Props) {
  switch (message.status) {
    case "IN_PROGRESS":
    case "COMPLETED":
      return null;
    case "CANCELLED":
      return (
        <p className="flex items-center gap-2 text-sm text-muted">
          <CircleStop aria-hidden className="size-4" />
          <span>{strings.chat.stopped}</span>
          {onRegenerate && <RetryButton label={strings.chat.regenerate} onClick={onRegenerate} />}
        </p>
      );
    case "FAILED":
    case "INCOMPLETE": {
      const error = errorOf(message);
      const fallback = message.status === "FAILED" ? strings.chat.failed : strings.chat.incomplete;
      return (
        <div role="alert" className="alert">
          <TriangleAlert aria-hidden className="size-5 shrink-0" />
          <div className="min-w-0 flex-1">
            <p className="font-medium">{error?.message ?? fallback}</p>
            {error && <p className="text-sm">{nextSteps[error.code]}</p>}
          </div>
          {onRegenerate && mayHelp(message, error) && (
            <RetryButton label={retryLabel(error)} onClick={onRegenerate} />
          )}
        </div>
      );
    }
  }
}

function errorOf(message: MessageView): RunErrorData | null {
  const part = message.parts.findLast((it) => it.kind === "error");
  return part?.error ?? message.error;
}

/**
 * Whether another try can end otherwise. Not where the question alone is too long; but the outputs
 * that came to it may be shorter the next time, and a setting that prevents it can be changed.
 */
function mayHelp(message: MessageView, error: RunErrorData | null): boolean {
  if (error?.code !== "CONTEXT_TOO_LONG") return true;
  return error.retryable || message.parts.some(({ kind }) => kind === "cell");
}

/** The code of an answer starts a kernel where none runs. */
function retryLabel(error: RunErrorData | null): string {
  return error?.code === "KERNEL_DIED" ? strings.chat.retryKernel : strings.retry;
}

function RetryButton({ label, onClick }: { label: string; onClick: () => void }) {
  return (
    <button type="button" className="button-outline" onClick={onClick}>
      <RotateCw aria-hidden className="size-3.5" />
      <span>{label}</span>
    </button>
  );
}
