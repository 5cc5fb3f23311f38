import type { ConversationEvent } from "../api/subscriptions";
import { append, revise } from "./liveText";
import { withMessage, withPart } from "./messages";
import type { CellView, MessageView } from "./types";
import { cellView, outputView } from "./views";

type EventOf<T extends ConversationEvent["__typename"]> = Extract<
  ConversationEvent,
  { __typename: T }
>;
type Messages = readonly MessageView[];

/** The messages with a cell added or replaced; null when its place is not known. */
export function placeCell(messages: Messages, event: EventOf<"CellChangedEvent">): Messages | null {
  return withMessage(messages, event.messageId, (message) => {
    if (event.partIndex > message.parts.length) return null;
    return withPart(message, event.partIndex, { kind: "cell", cell: cellView(event.cell) });
  });
}

/** The messages with a change to one cell; null when it is not here or the change does not fit. */
export function withCell(
  messages: Messages,
  cellId: string,
  change: (cell: CellView) => CellView | null,
): Messages | null {
  for (const message of messages.toReversed()) {
    const index = message.parts.findIndex(
      (part) => part.kind === "cell" && part.cell.id === cellId,
    );
    const part = message.parts[index];
    if (part?.kind !== "cell") continue;
    const cell = change(part.cell);
    if (!cell) return null;
    return withMessage(messages, message.id, () =>
      cell === part.cell ? message : withPart(message, index, { kind: "cell", cell }),
    );
  }
  return null;
}

export function applyCode(cell: CellView, delta: EventOf<"CodeDeltaEvent">): CellView | null {
  const revised = revise({ content: cell.source, revision: cell.revision }, delta);
  if (!revised) return null;
  const outputs = revised.revision > cell.revision ? [] : cell.outputs;
  return { ...cell, source: revised.content, revision: revised.revision, outputs };
}

export function applyOutput(cell: CellView, event: EventOf<"OutputChangedEvent">): CellView | null {
  if (event.revision < cell.revision) return cell;
  const { index } = event.output;
  if (event.revision > cell.revision || index > cell.outputs.length) return null;
  const outputs = [...cell.outputs];
  outputs[index] = outputView(event.output);
  return { ...cell, outputs };
}

export function applyStream(cell: CellView, delta: EventOf<"StreamDeltaEvent">): CellView | null {
  if (delta.revision < cell.revision) return cell;
  const output = cell.outputs[delta.outputIndex];
  if (delta.revision > cell.revision || output?.__typename !== "StreamOutput") return null;
  const content = append(output.content, delta.offset, delta.text);
  if (!content) return null;
  return { ...cell, outputs: cell.outputs.with(delta.outputIndex, { ...output, content }) };
}

export function clearOutputs(cell: CellView, revision: number): CellView {
  return revision < cell.revision ? cell : { ...cell, revision, outputs: [] };
}
