import type { ConversationSnapshot } from "../api/queries";
import type { ConversationView } from "./types";
import { conversationView } from "./views";

/** A newer snapshot in place of what is here; earlier pages that were loaded already are kept. */
export function refreshed(
  view: ConversationView | null,
  snapshot: ConversationSnapshot,
): ConversationView {
  const fresh = conversationView(snapshot);
  const first = fresh.messages[0];
  if (!view || !first) return fresh;
  const kept = view.messages.findIndex(({ id }) => id === first.id);
  if (kept <= 0) return fresh;
  const messages = [...view.messages.slice(0, kept), ...fresh.messages];
  return { ...fresh, messages, earlier: view.earlier };
}
