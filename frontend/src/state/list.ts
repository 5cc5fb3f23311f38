import type { ListedData } from "../api/fragments";
import type { ConversationsPage } from "../api/queries";
import type { ViewerEvent } from "../api/subscriptions";
import { isRunning } from "./reduce";

export interface ListedConversation {
  id: string;
  title: string;
  createdAt: string;
  updatedAt: string;
  pinned: boolean;
  activeRunId: string | null;
}

/** The viewer's conversations as of `cursor` in the API's order, as far as they are loaded. */
export interface ConversationList {
  cursor: string;
  conversations: readonly ListedConversation[];
  /** Where to load older ones from; null when all are here. */
  older: string | null;
}

function listed({ activeRun, ...conversation }: ListedData): ListedConversation {
  return { ...conversation, activeRunId: activeRun?.id ?? null };
}

/** Pinned ones first, then the newest. */
function inOrder(a: ListedConversation, b: ListedConversation): number {
  if (a.pinned !== b.pinned) return a.pinned ? -1 : 1;
  return Date.parse(b.updatedAt) - Date.parse(a.updatedAt);
}

export function listFromSnapshot(cursor: string, page: ConversationsPage): ConversationList {
  return { cursor, conversations: page.nodes.map(listed), older: olderCursor(page) };
}

export function withOlder(list: ConversationList, page: ConversationsPage): ConversationList {
  const known = new Set(list.conversations.map(({ id }) => id));
  const added = page.nodes.filter(({ id }) => !known.has(id)).map(listed);
  const conversations = [...list.conversations, ...added].sort(inOrder);
  return { ...list, conversations, older: olderCursor(page) };
}

function olderCursor(page: ConversationsPage): string | null {
  return page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
}

/** The list as it is just after an event. */
export function reduceList(list: ConversationList, event: ViewerEvent): ConversationList {
  return { ...list, conversations: change(list, event), cursor: event.cursor };
}

function change(list: ConversationList, event: ViewerEvent): readonly ListedConversation[] {
  const { conversations } = list;
  switch (event.__typename) {
    case "ConversationChangedEvent":
      return placed(list, listed(event.conversation));
    case "ConversationDeletedEvent":
      return conversations.filter(({ id }) => id !== event.conversationId);
    case "RunChangedEvent":
      return conversations.map((conversation) =>
        conversation.id === event.conversationId
          ? { ...conversation, activeRunId: runAfter(conversation.activeRunId, event.run) }
          : conversation,
      );
  }
}

/** An older run's end must not hide a newer run. */
function runAfter(
  active: string | null,
  run: { id: string; status: Parameters<typeof isRunning>[0]["status"] },
): string | null {
  if (isRunning(run)) return run.id;
  return active === run.id ? null : active;
}

/** The list with a conversation in its place; one behind all that is loaded comes with its page. */
function placed(
  { conversations, older }: ConversationList,
  conversation: ListedConversation,
): readonly ListedConversation[] {
  const others = conversations.filter(({ id }) => id !== conversation.id);
  const next = [...others, conversation].sort(inOrder);
  return older !== null && next.at(-1) === conversation ? others : next;
}
