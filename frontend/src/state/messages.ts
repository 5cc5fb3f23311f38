import type { ConversationEvent } from "../api/subscriptions";
import { liveText, revise } from "./liveText";
import type { MessageView, PartView, TextPartView, ConversationView } from "./types";

type TextDelta = Extract<ConversationEvent, { __typename: "TextDeltaEvent" }>;

/**
 * The messages with one added or replaced. A new one follows its parent, and what came after the
 * parent is no longer on the active path. Null when its place is not known.
 */
export function placeMessage(
  view: ConversationView,
  message: MessageView,
): readonly MessageView[] | null {
  const { messages, earlier } = view;
  const index = messages.findIndex(({ id }) => id === message.id);
  const known = messages[index];
  if (known) return messages.with(index, { ...message, error: known.error });
  if (message.parentId === null) return earlier === null ? [message] : null;
  const parent = messages.findIndex(({ id }) => id === message.parentId);
  return parent < 0 ? null : [...messages.slice(0, parent + 1), message];
}

/** The messages with a change to the one with this ID; null when it is not here or the change does not fit. */
export function withMessage(
  messages: readonly MessageView[],
  id: string,
  change: (message: MessageView) => MessageView | null,
): readonly MessageView[] | null {
  const index = messages.findLastIndex((message) => message.id === id);
  const message = messages[index];
  const next = message && change(message);
  if (!next) return null;
  return next === message ? messages : messages.with(index, next);
}

export function applyText(
  messages: readonly MessageView[],
  delta: TextDelta,
): readonly MessageView[] | null {
  return withMessage(messages, delta.messageId, (message) => {
    const part = message.parts[delta.partIndex] ?? emptyPart(message, delta);
    if (!part || (part.kind !== "text" && part.kind !== "reasoning")) return null;
    const revised = revise(part, delta);
    return revised && withPart(message, delta.partIndex, { ...part, ...revised });
  });
}

/** The part that the first delta of an index makes. */
function emptyPart(message: MessageView, delta: TextDelta): TextPartView | null {
  if (delta.partIndex !== message.parts.length) return null;
  const kind = delta.reasoning ? "reasoning" : "text";
  return { kind, content: liveText(""), revision: delta.revision };
}

/** The message with a part replaced, or added at the end. */
export function withPart(message: MessageView, index: number, part: PartView): MessageView {
  const parts = [...message.parts];
  parts[index] = part;
  return { ...message, parts };
}
