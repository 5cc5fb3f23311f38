import type { MessageData, OutputData, RunData } from "../api/fragments";
import type { ConversationSnapshot } from "../api/queries";
import type { ConversationEvent } from "../api/subscriptions";
import type { CellView, MessageView, OutputView, PartView, ConversationView } from "./types";

/** What tests of the state share: a whole run as events, and a server's snapshot of any conversation. */

type Event<T extends ConversationEvent["__typename"]> = Extract<
  ConversationEvent,
  { __typename: T }
>;
/** What happened, before it has a cursor. */
export type Uncursored = ConversationEvent extends infer E
  ? E extends ConversationEvent
    ? Omit<E, "cursor">
    : never
  : never;

type Cell = Event<"CellChangedEvent">["cell"];

const NOW = "2026-11-25T10:00:00.000Z";
export const conversation = { id: "c", title: "New chat", createdAt: NOW, updatedAt: NOW };

export const emptyView: ConversationView = {
  cursor: "0",
  conversation,
  messages: [],
  earlier: null,
  activeRun: null,
  kernel: null,
  deleted: false,
  stale: false,
};

export function message(id: string, change: Partial<MessageData> = {}): MessageData {
  return {
    id,
    role: "ASSISTANT",
    status: "IN_PROGRESS",
    createdAt: NOW,
    parent: null,
    parts: [],
    ...change,
  };
}

export function run(status: RunData["status"], change: Partial<RunData> = {}): RunData {
  return { id: "r", status, phase: null, error: null, message: { id: "m2" }, ...change };
}

export function cell(change: Partial<Cell> = {}): Cell {
  return {
    id: "cell",
    language: "python",
    source: "",
    status: "WRITING",
    executionCount: null,
    revision: 0,
    startedAt: null,
    completedAt: null,
    outputs: [],
    ...change,
  };
}

const download = { url: "/outputs/o", filename: "o.txt", mediaType: "text/plain" };

export function stream(text: string, index = 0): OutputData {
  return {
    __typename: "StreamOutput",
    id: `o${index}`,
    index,
    truncated: false,
    download,
    name: "STDOUT",
    text,
  };
}

export function failure(index: number): OutputData {
  return {
    __typename: "ErrorOutput",
    id: `o${index}`,
    index,
    truncated: false,
    download,
    ename: "ValueError",
    evalue: "no",
    traceback: ["ValueError: no"],
  };
}

export function text(
  offset: number,
  added: string,
  { revision = 0, partIndex = 0 } = {},
): Uncursored {
  return {
    __typename: "TextDeltaEvent",
    messageId: "m2",
    partIndex,
    revision,
    reasoning: false,
    offset,
    text: added,
  };
}

const kernel = { id: "k", name: "python3", generation: 1 } as const;
const question = message("m1", {
  role: "USER",
  status: "COMPLETED",
  parts: [{ __typename: "TextPart", index: 0, text: "Hi 👋", revision: 0 }],
});
const written = cell({ source: "print('é😀')\n", status: "QUEUED" });
const ran = { status: "RUNNING", executionCount: 1, startedAt: NOW } as const;

const happened: Uncursored[] = [
  { __typename: "MessageChangedEvent", message: question },
  {
    __typename: "MessageChangedEvent",
    message: message("m2", { parent: { id: "m1" } }),
  },
  { __typename: "RunChangedEvent", run: run("QUEUED") },
  { __typename: "RunChangedEvent", run: run("IN_PROGRESS", { phase: "GENERATING" }) },
  text(0, "Let me "),
  text(7, "count 😀😀"),
  text(15, ": "),
  { __typename: "KernelChangedEvent", kernel: { ...kernel, status: "STARTING" } },
  { __typename: "CellChangedEvent", messageId: "m2", partIndex: 1, cell: cell() },
  { __typename: "CodeDeltaEvent", cellId: "cell", revision: 0, offset: 0, text: "print('é" },
  { __typename: "CodeDeltaEvent", cellId: "cell", revision: 0, offset: 8, text: "😀')\n" },
  { __typename: "CellChangedEvent", messageId: "m2", partIndex: 1, cell: written },
  { __typename: "KernelChangedEvent", kernel: { ...kernel, status: "BUSY" } },
  { __typename: "CellChangedEvent", messageId: "m2", partIndex: 1, cell: { ...written, ...ran } },
  { __typename: "OutputChangedEvent", cellId: "cell", revision: 0, output: stream("é") },
  {
    __typename: "StreamDeltaEvent",
    cellId: "cell",
    revision: 0,
    outputIndex: 0,
    offset: 1,
    text: "😀\n",
  },
  { __typename: "OutputChangedEvent", cellId: "cell", revision: 0, output: failure(1) },
  { __typename: "OutputsClearedEvent", cellId: "cell", revision: 1 },
  { __typename: "OutputChangedEvent", cellId: "cell", revision: 1, output: stream("done") },
  {
    __typename: "CellChangedEvent",
    messageId: "m2",
    partIndex: 1,
    cell: {
      ...written,
      ...ran,
      status: "COMPLETED",
      revision: 1,
      completedAt: NOW,
      outputs: [stream("done")],
    },
  },
  { __typename: "KernelChangedEvent", kernel: { ...kernel, status: "IDLE" } },
  text(0, "It is", { partIndex: 2 }),
  text(0, "It was", { partIndex: 2, revision: 1 }),
  text(6, " 😀.", { partIndex: 2, revision: 1 }),
  { __typename: "ConversationChangedEvent", conversation: { ...conversation, title: "Counting" } },
  { __typename: "RunChangedEvent", run: run("COMPLETED") },
];

/** Everything that happens from a question to its answer's end. */
export const events: ConversationEvent[] = happened.map((event, index) => ({
  ...event,
  cursor: String(index + 1),
}));

/** What the server's snapshot of a conversation would be. */
export function snapshotOf(view: ConversationView): ConversationSnapshot {
  return {
    ...view.conversation,
    eventCursor: view.cursor,
    messages: {
      nodes: view.messages.map(messageData),
      pageInfo: { hasPreviousPage: view.earlier !== null, startCursor: view.earlier },
    },
    activeRun: view.activeRun,
    kernel: view.kernel,
  };
}

function messageData({ id, role, status, createdAt, parentId, parts }: MessageView): MessageData {
  const parent = parentId === null ? null : { id: parentId };
  return { id, role, status, createdAt, parent, parts: parts.map(partData) };
}

function partData(part: PartView, index: number): MessageData["parts"][number] {
  switch (part.kind) {
    case "text":
      return { __typename: "TextPart", index, text: part.content.text, revision: part.revision };
    case "reasoning":
      return {
        __typename: "ReasoningPart",
        index,
        text: part.content.text,
        revision: part.revision,
      };
    case "cell":
      return { __typename: "CellPart", index, cell: cellData(part.cell) };
    case "error":
      return { __typename: "ErrorPart", index, error: part.error };
  }
}

function cellData(view: CellView): Cell {
  return { ...view, source: view.source.text, outputs: view.outputs.map(outputData) };
}

function outputData(view: OutputView): OutputData {
  if (view.__typename !== "StreamOutput") return view;
  const { content, ...rest } = view;
  return { ...rest, text: content.text };
}
