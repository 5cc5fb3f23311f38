import type { SendPayload } from "../api/mutations";
import { ConversationStore } from "./conversationStore";
import { isRunning } from "./reduce";

/** Conversations that were left stay at hand, so that coming back shows them at once. */
const KEPT = 10;
const stores = new Map<string, ConversationStore>();

export function conversationStore(id: string): ConversationStore {
  const known = stores.get(id);
  const store = known ?? new ConversationStore(id);
  stores.delete(id);
  stores.set(id, store);
  dropOldest();
  return store;
}

/** Begins the state of a conversation that a message has just created, from that message on. */
export function beginConversation(payload: SendPayload): void {
  const { conversation, eventCursor, run } = payload;
  if (!conversation || eventCursor === null) return;
  const store = new ConversationStore(conversation.id, {
    cursor: eventCursor,
    conversation,
    messages: [],
    earlier: null,
    activeRun: run && isRunning(run) ? run : null,
    kernel: null,
    deleted: false,
    stale: false,
  });
  stores.set(conversation.id, store);
}

export function forgetConversation(id: string): void {
  if (!stores.get(id)?.inUse) stores.delete(id);
}

function dropOldest(): void {
  for (const [id, store] of stores) {
    if (stores.size <= KEPT) return;
    if (!store.inUse) stores.delete(id);
  }
}
