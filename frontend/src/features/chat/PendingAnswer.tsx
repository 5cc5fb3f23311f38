import type { RunData } from "../../api/fragments";
import { strings } from "../../shared/strings";
import { RunActivity } from "./RunActivity";

/** An answer of which nothing is here yet. */
export function PendingAnswer({ run }: { run: RunData | null }) {
  return (
    <article aria-label={strings.chat.assistant} aria-busy="true" className="assistant-message">
      <RunActivity run={run} />
    </article>
  );
}
