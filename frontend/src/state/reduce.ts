import type { RunData } from "../api/fragments";
import type { ConversationEvent } from "../api/subscriptions";
import { applyCode, applyOutput, applyStream, clearOutputs, placeCell, withCell } from "./cells";
import { applyText, placeMessage } from "./messages";
import type { MessageView, Thread } from "./types";
import { messageView } from "./views";

export function isRunning(run: { status: RunData["status"] }): boolean {
  return run.status === "QUEUED" || run.status === "IN_PROGRESS";
}

/**
 * A thread as it is just after an event. First load, following and resuming all go through here.
 * An event that does not fit (text is missing before it) only marks the thread as stale.
 */
export function reduce(thread: Thread, event: ConversationEvent): Thread {
  if (thread.stale) return thread;
  const next = change(thread, event);
  return next ? { ...next, cursor: event.cursor } : { ...thread, stale: true };
}

/** Null when the event does not fit. */
function change(thread: Thread, event: ConversationEvent): Thread | null {
  switch (event.__typename) {
    case "ConversationChangedEvent":
      return { ...thread, conversation: event.conversation };
    case "ConversationDeletedEvent":
      return { ...thread, deleted: true };
    case "MessageChangedEvent":
      return withMessages(thread, placeMessage(thread, messageView(event.message)));
    case "TextDeltaEvent":
      return withMessages(thread, applyText(thread.messages, event));
    case "RunChangedEvent":
      return withRun(thread, event.run);
    case "CellChangedEvent":
      return withMessages(thread, placeCell(thread.messages, event));
    case "CodeDeltaEvent":
      return withMessages(
        thread,
        withCell(thread.messages, event.cellId, (cell) => applyCode(cell, event)),
      );
    case "OutputChangedEvent":
      return withMessages(
        thread,
        withCell(thread.messages, event.cellId, (cell) => applyOutput(cell, event)),
      );
    case "StreamDeltaEvent":
      return withMessages(
        thread,
        withCell(thread.messages, event.cellId, (cell) => applyStream(cell, event)),
      );
    case "OutputsClearedEvent":
      return withMessages(
        thread,
        withCell(thread.messages, event.cellId, (cell) => clearOutputs(cell, event.revision)),
      );
    case "KernelChangedEvent":
      return { ...thread, kernel: event.kernel };
  }
}

function withMessages(thread: Thread, messages: readonly MessageView[] | null): Thread | null {
  return messages && { ...thread, messages };
}

function withRun(thread: Thread, run: RunData): Thread {
  const messages = run.error
    ? thread.messages.map((message) =>
        message.id === run.message.id ? { ...message, error: run.error } : message,
      )
    : thread.messages;
  if (isRunning(run)) return { ...thread, messages, activeRun: run };
  const activeRun = thread.activeRun?.id === run.id ? null : thread.activeRun;
  return { ...thread, messages, activeRun };
}
