import { useCallback } from "react";
import { mutate } from "../../api/client";
import { RegenerateMessage } from "../../api/mutations";
import { strings } from "../../shared/strings";
import { toast } from "../../shared/toasts";
import { useObservable } from "../../shared/useObservable";
import {
  enqueue,
  NEW,
  outbox,
  outstanding,
  remove,
  update,
  type Outgoing,
} from "../../state/outbox";
import { cancelRun, send, type SendOutcome } from "../../state/sending";
import type { MessageView, ConversationView } from "../../state/types";

export interface Chat {
  /** Messages that are not in the history yet. */
  outgoing: readonly Outgoing[];
  /** Whether an answer is being written, or was just asked for. */
  busy: boolean;
  send: (text: string) => Promise<SendOutcome>;
  retry: (item: Outgoing) => Promise<SendOutcome>;
  discard: (item: Outgoing) => void;
  stop: () => void;
  regenerate: (messageId: string) => void;
}

/** What can be done in a conversation; `view` is null while it has none yet. */
export function useChat(conversationId: string | null, view: ConversationView | null): Chat {
  const box = outbox(conversationId ?? NEW);
  const outgoing = outstanding(useObservable(box), view?.messages ?? []);
  const runId = view?.activeRun?.id ?? null;
  const underway = outgoing.filter(({ status }) => status !== "failed");
  const busy = runId !== null || underway.length > 0 || isUnanswered(view?.messages.at(-1));

  const retry = useCallback(
    async (item: Outgoing) => {
      const outcome = await send(conversationId, item);
      if (outcome.kind === "notSent") toast(strings.chat.notSentToast(outcome.reason), "error");
      return outcome;
    },
    [conversationId],
  );
  const sendText = (text: string) => retry(enqueue(box, text, view?.messages.at(-1)?.id ?? null));
  const stop = () => {
    if (runId !== null) attempt(cancelRun(runId));
    for (const item of underway) update(box, item.key, { stopped: true });
  };
  return {
    outgoing,
    busy,
    send: sendText,
    retry,
    discard: (item) => remove(box, item.key),
    stop,
    regenerate: (messageId) => attempt(regenerate(messageId)),
  };
}

/** Question, answer and run come together, but as events one after the other. */
function isUnanswered(last: MessageView | undefined): boolean {
  return last?.role === "USER" || last?.status === "IN_PROGRESS";
}

async function regenerate(messageId: string): Promise<void> {
  const input = { messageId, idempotencyKey: crypto.randomUUID() };
  const data = await mutate({ document: RegenerateMessage, variables: { input } });
  const [error] = data.regenerateMessage.errors;
  if (error) throw new Error(error.message);
}

/** Shows a failure; a success is seen without it. */
function attempt(promise: Promise<void>): void {
  promise.catch((error: unknown) => {
    toast(error instanceof Error ? error.message : strings.errors.failed, "error");
  });
}
