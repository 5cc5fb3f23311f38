import type {
  CellData,
  ConversationData,
  KernelData,
  MessageData,
  OutputData,
  RunData,
  RunErrorData,
} from "../api/fragments";

/** Text that deltas are added to; `length` is in Unicode code points, as the API's offsets are. */
export interface LiveText {
  text: string;
  length: number;
}

export type StreamData = Extract<OutputData, { __typename: "StreamOutput" }>;
export type StreamView = Omit<StreamData, "text"> & { content: LiveText };
export type OutputView = Exclude<OutputData, StreamData> | StreamView;

export type CellView = Omit<CellData, "source" | "outputs"> & {
  source: LiveText;
  outputs: readonly OutputView[];
};

export interface TextPartView {
  kind: "text" | "reasoning";
  content: LiveText;
  revision: number;
}
export interface CellPartView {
  kind: "cell";
  cell: CellView;
}
export interface ErrorPartView {
  kind: "error";
  error: RunErrorData;
}
export type PartView = TextPartView | CellPartView | ErrorPartView;

export type MessageView = Omit<MessageData, "parts" | "parent"> & {
  parentId: string | null;
  parts: readonly PartView[];
  /** Why its run failed or stayed incomplete, as soon as the run says so. */
  error: RunErrorData | null;
};

/** A conversation exactly as of `cursor`. */
export interface ConversationView {
  cursor: string;
  conversation: ConversationData;
  messages: readonly MessageView[];
  /** Where to load earlier messages from; null when the first message is here. */
  earlier: string | null;
  activeRun: RunData | null;
  kernel: KernelData | null;
  deleted: boolean;
  /** An event did not fit what is here, so the snapshot must be queried again. */
  stale: boolean;
}
