import { Observable } from "../shared/observable";
import { store, stored } from "../shared/storage";
import type { MessageView } from "./types";

/** A message on its way. Its key makes every retry of it the same request. */
export interface Outgoing {
  key: string;
  text: string;
  status: "sending" | "accepted" | "failed";
  /** The last message that was here when it was first sent; null at the start. */
  afterId: string | null;
  /** Its ID once the server has it. */
  messageId: string | null;
  /** Whether Stop was pressed before the server had it. */
  stopped: boolean;
}

export type Outbox = Observable<readonly Outgoing[]>;

/** The name of the box of messages whose conversation does not exist yet. */
export const NEW = "new";

const boxes = new Map<string, Outbox>();

/** The messages of a conversation that are not yet in its history; unsent ones survive a reload. */
export function outbox(conversationId: string): Outbox {
  const known = boxes.get(conversationId);
  if (known) return known;
  const box: Outbox = new Observable(restore(stored(storageKey(conversationId))));
  box.subscribe(() => save(conversationId, box.get()));
  boxes.set(conversationId, box);
  return box;
}

export function enqueue(box: Outbox, text: string, afterId: string | null): Outgoing {
  const item: Outgoing = {
    key: crypto.randomUUID(),
    text,
    status: "sending",
    afterId,
    messageId: null,
    stopped: false,
  };
  box.set([...box.get(), item]);
  return item;
}

export function update(box: Outbox, key: string, change: Partial<Outgoing>): void {
  box.set(box.get().map((item) => (item.key === key ? { ...item, ...change } : item)));
}

export function remove(box: Outbox, key: string): void {
  box.set(box.get().filter((item) => item.key !== key));
}

/** Those that are not in the history yet, so that no message is ever shown twice. */
export function outstanding(
  items: readonly Outgoing[],
  messages: readonly MessageView[],
): readonly Outgoing[] {
  return items.filter((item) => !arrived(item, messages));
}

function arrived(item: Outgoing, messages: readonly MessageView[]): boolean {
  if (item.messageId !== null) return messages.some(({ id }) => id === item.messageId);
  // The event with the message may come before the answer to the request that sent it.
  const before = messages.findIndex(({ id }) => id === item.afterId);
  if (item.afterId !== null && before < 0) return false;
  return messages
    .slice(before + 1)
    .some((message) => message.role === "USER" && plainText(message) === item.text);
}

/** A message's text parts, joined. */
export function plainText(message: MessageView): string {
  return message.parts.map((part) => (part.kind === "text" ? part.content.text : "")).join("");
}

function storageKey(conversationId: string): string {
  return `outbox.${conversationId}`;
}

function save(conversationId: string, items: readonly Outgoing[]): void {
  const unsent = items.filter(({ status }) => status !== "accepted");
  store(storageKey(conversationId), unsent.length > 0 ? JSON.stringify(unsent) : null);
}

/** What a reload cut off was perhaps not sent: it is offered again, with the same key. */
function restore(json: string | null): readonly Outgoing[] {
  if (json === null) return [];
  try {
    const items: unknown = JSON.parse(json);
    return Array.isArray(items) ? items.filter(isOutgoing).map(asFailed) : [];
  } catch {
    return [];
  }
}

function asFailed(item: Outgoing): Outgoing {
  return { ...item, status: "failed", messageId: null, stopped: false };
}

function isOutgoing(value: unknown): value is Outgoing {
  return (
    typeof value === "object" &&
    value !== null &&
    "key" in value &&
    typeof value.key === "string" &&
    "text" in value &&
    typeof value.text === "string" &&
    "afterId" in value &&
    (value.afterId === null || typeof value.afterId === "string")
  );
}
