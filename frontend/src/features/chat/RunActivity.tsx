import type { RunData } from "../../api/fragments";
import { strings } from "../../shared/strings";

/** What a run is doing while no text comes. */
export function RunActivity({ run }: { run: RunData | null }) {
  return (
    <p className="activity">
      <span aria-hidden className="activity-dots">
        <i />
        <i />
        <i />
      </span>
      <span>{describe(run)}</span>
    </p>
  );
}

function describe(run: RunData | null): string {
  if (run?.status === "QUEUED") return strings.chat.queued;
  switch (run?.phase) {
    case "WAITING_FOR_MODEL":
      return strings.chat.waiting;
    case "STARTING_KERNEL":
      return strings.chat.startingKernel;
    case "EXECUTING":
      return strings.chat.executing;
    default:
      return strings.chat.thinking;
  }
}
