import type { RunData } from "../api/fragments";
import type { ConversationEvent } from "../api/subscriptions";
import { applyCode, applyOutput, applyStream, clearOutputs, placeCell, withCell } from "./cells";
import { applyText, placeMessage } from "./messages";
import type { MessageView, ConversationView } from "./types";
import { messageView } from "./views";

export function isRunning(run: { status: RunData["status"] }): boolean {
  return run.status === "QUEUED" || run.status === "IN_PROGRESS";
}

/**
 * A conversation as it is just after an event. First load, following and resuming all go through here.
 * An event that does not fit (text is missing before it) only marks it as stale.
 */
export function reduce(view: ConversationView, event: ConversationEvent): ConversationView {
  if (view.stale) return view;
  const next = change(view, event);
  return next ? { ...next, cursor: event.cursor } : { ...view, stale: true };
}

/** Null when the event does not fit. */
function change(view: ConversationView, event: ConversationEvent): ConversationView | null {
  switch (event.__typename) {
    case "ConversationChangedEvent":
      return { ...view, conversation: event.conversation };
    case "ConversationDeletedEvent":
      return { ...view, deleted: true };
    case "MessageChangedEvent":
      return withMessages(view, placeMessage(view, messageView(event.message)));
    case "TextDeltaEvent":
      return withMessages(view, applyText(view.messages, event));
    case "RunChangedEvent":
      return withRun(view, event.run);
    case "CellChangedEvent":
      return withMessages(view, placeCell(view.messages, event));
    case "CodeDeltaEvent":
      return withMessages(
        view,
        withCell(view.messages, event.cellId, (cell) => applyCode(cell, event)),
      );
    case "OutputChangedEvent":
      return withMessages(
        view,
        withCell(view.messages, event.cellId, (cell) => applyOutput(cell, event)),
      );
    case "StreamDeltaEvent":
      return withMessages(
        view,
        withCell(view.messages, event.cellId, (cell) => applyStream(cell, event)),
      );
    case "OutputsClearedEvent":
      return withMessages(
        view,
        withCell(view.messages, event.cellId, (cell) => clearOutputs(cell, event.revision)),
      );
    case "KernelChangedEvent":
      return { ...view, kernel: event.kernel };
  }
}

function withMessages(
  view: ConversationView,
  messages: readonly MessageView[] | null,
): ConversationView | null {
  return messages && { ...view, messages };
}

function withRun(view: ConversationView, run: RunData): ConversationView {
  const messages = run.error
    ? view.messages.map((message) =>
        message.id === run.message.id ? { ...message, error: run.error } : message,
      )
    : view.messages;
  if (isRunning(run)) return { ...view, messages, activeRun: run };
  const activeRun = view.activeRun?.id === run.id ? null : view.activeRun;
  return { ...view, messages, activeRun };
}
