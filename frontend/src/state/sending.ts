import { mutate } from "../api/client";
import { CancelRun, SendMessage, type SendPayload } from "../api/mutations";
import { beginConversation } from "./conversations";
import { NEW, outbox, remove, update, type Outgoing } from "./outbox";

export type SendOutcome =
  | { kind: "accepted"; conversationId: string }
  /** The server was not reached, or could not: the message stays, to be sent again. */
  | { kind: "notSent"; reason?: string }
  /** The server refused it: the text goes back to where it was written. */
  | { kind: "refused"; message: string };

/** Sends a message of an outbox, for the first time or again. */
export async function send(conversationId: string | null, item: Outgoing): Promise<SendOutcome> {
  const box = outbox(conversationId ?? NEW);
  update(box, item.key, { status: "sending" });
  let payload: SendPayload;
  try {
    payload = await request(conversationId, item);
  } catch {
    update(box, item.key, { status: "failed" });
    return { kind: "notSent" };
  }
  const [error] = payload.errors;
  if (error?.code === "UNAVAILABLE") {
    // The server may have stored it nevertheless, and finds it by its key.
    update(box, item.key, { status: "failed" });
    return { kind: "notSent", reason: error.message };
  }
  if (error || !payload.message || !payload.conversation) {
    remove(box, item.key);
    return { kind: "refused", message: error?.message ?? "" };
  }
  accept(conversationId, item.key, payload.message.id, payload);
  return { kind: "accepted", conversationId: payload.conversation.id };
}

async function request(conversationId: string | null, item: Outgoing): Promise<SendPayload> {
  const target = conversationId === null ? { newConversation: {} } : { conversationId };
  const input = { target, text: item.text, idempotencyKey: item.key };
  const { sendMessage } = await mutate({ document: SendMessage, variables: { input } });
  return sendMessage;
}

function accept(
  conversationId: string | null,
  key: string,
  messageId: string,
  payload: SendPayload,
): void {
  const box = outbox(conversationId ?? NEW);
  const item = box.get().find((other) => other.key === key);
  if (item?.stopped && payload.run) void cancelRun(payload.run.id);
  if (conversationId !== null || !item || !payload.conversation) {
    update(box, key, { status: "accepted", messageId });
    return;
  }
  // It moves on into the conversation that it has created.
  beginConversation(payload);
  const moved = outbox(payload.conversation.id);
  moved.set([...moved.get(), { ...item, status: "accepted", messageId, afterId: null }]);
  remove(box, key);
}

/** Asks for a run to be cancelled; its end arrives as an event. */
export async function cancelRun(runId: string): Promise<void> {
  await mutate({ document: CancelRun, variables: { input: { runId } } });
}
