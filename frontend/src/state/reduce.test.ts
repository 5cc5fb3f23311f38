import { describe, expect, it } from "vitest";
import type { ConversationEvent } from "../api/subscriptions";
import { reduce } from "./reduce";
import { refreshed } from "./snapshot";
import {
  cell,
  emptyView,
  events,
  failure,
  message,
  run,
  snapshotOf,
  stream,
  text,
  type Uncursored,
} from "./testing";
import type { ConversationView } from "./types";
import { conversationView } from "./views";

function after(count: number): ConversationView {
  return events.slice(0, count).reduce(reduce, emptyView);
}

const end = after(events.length);

function at(event: Uncursored, cursor = "x"): ConversationEvent {
  return { ...event, cursor };
}

describe("a whole run", () => {
  it("ends with the text, the code and the outputs that were told", () => {
    expect(end.stale).toBe(false);
    expect(end.cursor).toBe(String(events.length));
    expect(end.conversation.title).toBe("Counting");
    expect(end.activeRun).toBeNull();
    expect(end.kernel?.status).toBe("IDLE");
    expect(snapshotOf(end).messages?.nodes[1]?.parts).toEqual([
      { __typename: "TextPart", index: 0, text: "Let me count 😀😀: ", revision: 0 },
      expect.objectContaining({
        cell: expect.objectContaining({
          source: "print('é😀')\n",
          status: "COMPLETED",
          outputs: [stream("done")],
        }) as unknown,
      }),
      { __typename: "TextPart", index: 2, text: "It was 😀.", revision: 1 },
    ]);
  });

  it("is the same from a snapshot at every cursor on", () => {
    for (let count = 0; count <= events.length; count += 1) {
      const snapshot = conversationView(snapshotOf(after(count)));
      expect(events.slice(count).reduce(reduce, snapshot)).toEqual(end);
    }
  });

  it("is the same when it is resumed at every cursor from every state", () => {
    for (let count = 1; count <= events.length; count += 1) {
      for (let from = 0; from <= count; from += 1) {
        const resumed = events.slice(from).reduce(reduce, after(count));
        expect(resumed, `${count} events, resumed behind ${from}`).toEqual(end);
      }
    }
  });

  it("is the same when the server joins deltas", () => {
    const joined: ConversationEvent[] = [];
    for (const event of events) {
      const last = joined.at(-1);
      const continues = event.__typename === "TextDeltaEvent" && event.offset > 0;
      if (continues && last?.__typename === "TextDeltaEvent") {
        joined[joined.length - 1] = { ...event, offset: last.offset, text: last.text + event.text };
      } else {
        joined.push(event);
      }
    }
    expect(joined.length).toBeLessThan(events.length);
    expect(joined.reduce(reduce, emptyView)).toEqual(end);
  });
});

describe("text deltas", () => {
  const answering = after(7);
  const content = (view: ConversationView) => {
    const part = view.messages[1]?.parts[0];
    return part?.kind === "text" ? part.content.text : null;
  };

  it("count code points: what is here already is ignored", () => {
    const next = reduce(answering, at(text(14, "😀: and on")));
    expect(content(next)).toBe("Let me count 😀😀: and on");
  });

  it("that end before what is here change nothing but the cursor", () => {
    const next = reduce(answering, at(text(0, "Let"), "later"));
    expect(next.messages).toEqual(answering.messages);
    expect(next.cursor).toBe("later");
  });

  it("with a gap before them make the conversation stale, and its cursor stays", () => {
    const next = reduce(answering, at(text(18, "lost")));
    expect(next).toEqual({ ...answering, stale: true });
  });

  it("of an older revision are ignored", () => {
    const newer = reduce(answering, at(text(0, "Anew", { revision: 2 })));
    expect(content(newer)).toBe("Anew");
    expect(content(reduce(newer, at(text(4, "old", { revision: 1 }))))).toBe("Anew");
  });

  it("of a newer revision must begin at its start", () => {
    expect(reduce(answering, at(text(1, "x", { revision: 1 }))).stale).toBe(true);
  });

  it("that would leave a part out make the conversation stale", () => {
    expect(reduce(answering, at(text(0, "x", { partIndex: 2 }))).stale).toBe(true);
  });

  it("for a part that is not text, or a message that is not here, make the conversation stale", () => {
    expect(reduce(after(12), at(text(0, "x", { partIndex: 1 }))).stale).toBe(true);
    expect(reduce(emptyView, at(text(0, "x"))).stale).toBe(true);
  });
});

describe("cells", () => {
  const running = after(15);

  it("keep outputs that are newer than an event of an older revision", () => {
    const cleared = reduce(
      running,
      at({ __typename: "OutputsClearedEvent", cellId: "cell", revision: 3 }),
    );
    const old = { cellId: "cell", revision: 2 } as const;
    const late = [
      at({ __typename: "OutputChangedEvent", ...old, output: stream("old") }),
      at({ __typename: "StreamDeltaEvent", ...old, outputIndex: 0, offset: 0, text: "old" }),
      at({ __typename: "OutputsClearedEvent", ...old }),
    ];
    expect(late.reduce(reduce, cleared).messages).toEqual(cleared.messages);
  });

  it("replace an output in its place", () => {
    const event = { cellId: "cell", revision: 0, output: failure(0) } as const;
    const next = reduce(running, at({ __typename: "OutputChangedEvent", ...event }));
    const part = next.messages[1]?.parts[1];
    expect(part?.kind === "cell" && part.cell.outputs).toEqual([failure(0)]);
  });

  it.each([
    ["an output after a missing one", { __typename: "OutputChangedEvent", output: failure(4) }],
    ["text of a missing output", { __typename: "StreamDeltaEvent", outputIndex: 3, offset: 0 }],
    ["text with a gap", { __typename: "StreamDeltaEvent", outputIndex: 0, offset: 9 }],
    ["code with a gap", { __typename: "CodeDeltaEvent", offset: 99 }],
  ])("are stale after %s", (_, event) => {
    const full = { cellId: "cell", revision: 0, text: "x", ...event };
    expect(reduce(running, at(full as Uncursored)).stale).toBe(true);
  });

  it("that are not here make the conversation stale", () => {
    const event = { cellId: "other", revision: 0, offset: 0, text: "x" };
    expect(reduce(running, at({ __typename: "CodeDeltaEvent", ...event })).stale).toBe(true);
    const beyond = { messageId: "m2", partIndex: 7, cell: cell() } as const;
    expect(reduce(running, at({ __typename: "CellChangedEvent", ...beyond })).stale).toBe(true);
  });
});

describe("messages", () => {
  const changed = (it: ReturnType<typeof message>) =>
    at({ __typename: "MessageChangedEvent", message: it });

  it("take the place of what followed their parent", () => {
    const next = reduce(end, changed(message("m3", { parent: { id: "m1" } })));
    expect(next.messages.map(({ id }) => id)).toEqual(["m1", "m3"]);
  });

  it("that follow a message that is not here make the conversation stale", () => {
    expect(reduce(end, changed(message("m3", { parent: { id: "lost" } }))).stale).toBe(true);
    expect(reduce({ ...end, earlier: "e" }, changed(message("m3"))).stale).toBe(true);
  });

  it("are redone from an earlier part", () => {
    const redone = message("m2", { parent: { id: "m1" }, parts: [] });
    expect(reduce(end, changed(redone)).messages[1]?.parts).toEqual([]);
  });

  it("keep why their run failed", () => {
    const error = { code: "KERNEL_DIED", message: "It died.", retryable: true } as const;
    const failed = reduce(
      end,
      at({ __typename: "RunChangedEvent", run: run("FAILED", { error }) }),
    );
    expect(failed.messages[1]?.error).toEqual(error);
    const status = message("m2", { parent: { id: "m1" }, status: "FAILED" });
    expect(reduce(failed, changed(status)).messages[1]?.error).toEqual(error);
  });
});

describe("a conversation", () => {
  it("keeps its newest run when an older one ends", () => {
    const running = after(4);
    const other = at({
      __typename: "RunChangedEvent",
      run: run("CANCELLED", { id: "old" }),
    });
    expect(reduce(running, other).activeRun?.id).toBe("r");
  });

  it("knows that it was deleted", () => {
    expect(reduce(end, at({ __typename: "ConversationDeletedEvent" })).deleted).toBe(true);
  });

  it("that is stale takes no more events", () => {
    const stale = { ...end, stale: true };
    expect(reduce(stale, at({ __typename: "ConversationDeletedEvent" }))).toBe(stale);
  });

  it("keeps earlier pages when its snapshot is queried again", () => {
    const [question, answer] = end.messages;
    if (!question || !answer) throw new Error("no messages");
    const earlier = { ...question, id: "m0" };
    const long = { ...end, messages: [earlier, question, answer], earlier: "before m0" };
    const snapshot = snapshotOf({ ...end, earlier: "before m1" });
    expect(refreshed(long, snapshot)).toEqual(long);
    expect(refreshed(null, snapshot).messages).toHaveLength(2);
    expect(refreshed({ ...long, messages: [earlier] }, snapshot).earlier).toBe("before m1");
  });
});
