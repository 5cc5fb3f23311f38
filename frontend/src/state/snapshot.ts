import type { ConversationSnapshot } from "../api/queries";
import type { Thread } from "./types";
import { threadFromSnapshot } from "./views";

/** A newer snapshot in place of a thread; earlier pages that were loaded already are kept. */
export function refreshed(thread: Thread | null, snapshot: ConversationSnapshot): Thread {
  const fresh = threadFromSnapshot(snapshot);
  const first = fresh.messages[0];
  if (!thread || !first) return fresh;
  const kept = thread.messages.findIndex(({ id }) => id === first.id);
  if (kept <= 0) return fresh;
  const messages = [...thread.messages.slice(0, kept), ...fresh.messages];
  return { ...fresh, messages, earlier: thread.earlier };
}
