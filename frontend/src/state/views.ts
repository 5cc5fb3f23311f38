import { present } from "../api/client";
import type { CellData, MessageData, OutputData } from "../api/fragments";
import type { ConversationSnapshot, MessagePage } from "../api/queries";
import { liveText } from "./liveText";
import type { CellView, MessageView, OutputView, PartView, ConversationView } from "./types";

/** Conversions from what the API gives to what the state holds. */

export function outputView(output: OutputData): OutputView {
  if (output.__typename !== "StreamOutput") return output;
  const { text, ...rest } = output;
  return { ...rest, content: liveText(text) };
}

export function cellView(cell: CellData): CellView {
  return { ...cell, source: liveText(cell.source), outputs: cell.outputs.map(outputView) };
}

function partView(part: MessageData["parts"][number]): PartView {
  switch (part.__typename) {
    case "TextPart":
      return { kind: "text", content: liveText(part.text), revision: part.revision };
    case "ReasoningPart":
      return { kind: "reasoning", content: liveText(part.text), revision: part.revision };
    case "CellPart":
      return { kind: "cell", cell: cellView(part.cell) };
    case "ErrorPart":
      return { kind: "error", error: part.error };
  }
}

export function messageView(message: MessageData): MessageView {
  const { parent, parts, ...rest } = message;
  return { ...rest, parentId: parent?.id ?? null, parts: parts.map(partView), error: null };
}

export function earlierCursor(page: MessagePage): string | null {
  return page.pageInfo.hasPreviousPage ? page.pageInfo.startCursor : null;
}

export function conversationView(snapshot: ConversationSnapshot): ConversationView {
  const { eventCursor, messages: page, activeRun, kernel, ...conversation } = snapshot;
  const messages = present(page);
  return {
    cursor: eventCursor,
    conversation,
    messages: messages.nodes.map(messageView),
    earlier: earlierCursor(messages),
    activeRun,
    kernel,
    deleted: false,
    stale: false,
  };
}

/** The conversation with a page of earlier messages before it. */
export function withEarlier(view: ConversationView, page: MessagePage): ConversationView {
  const known = new Set(view.messages.map((message) => message.id));
  const added = page.nodes.filter((node) => !known.has(node.id)).map(messageView);
  return { ...view, messages: [...added, ...view.messages], earlier: earlierCursor(page) };
}
