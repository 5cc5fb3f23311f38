import { render, screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { emptyView, message } from "../../state/testing";
import type { MessageView, ConversationView } from "../../state/types";
import { messageView } from "../../state/views";
import { MessageList } from "./MessageList";
import type { Chat } from "./useChat";

const chat: Chat = {
  outgoing: [],
  busy: false,
  send: () => Promise.resolve({ kind: "notSent" }),
  retry: () => Promise.resolve({ kind: "notSent" }),
  discard: () => undefined,
  stop: () => undefined,
  regenerate: () => undefined,
};

function show(messages: MessageView[]) {
  const view: ConversationView = { ...emptyView, messages };
  return render(
    <MessageList
      view={view}
      chat={chat}
      scrollRef={{ current: null }}
      onRetry={() => undefined}
      onLoadEarlier={undefined}
    />,
  );
}

const answer = (id: string, text: string) =>
  messageView(
    message(id, {
      status: "COMPLETED",
      parts: [{ __typename: "TextPart", index: 0, text, revision: 0 }],
    }),
  );

it("says that a message is broken and shows the others", () => {
  vi.spyOn(console, "error").mockReturnValue();
  const broken = { ...answer("m1", "x"), parts: undefined } as unknown as MessageView;
  show([broken, answer("m2", "fine")]);
  expect(screen.getByRole("alert")).toHaveTextContent("This message can't be shown.");
  expect(screen.getByText("fine")).toBeInTheDocument();
});

it("offers to write only the newest answer again", () => {
  show([answer("m1", "old"), answer("m2", "new")]);
  expect(screen.getAllByRole("button", { name: "Regenerate" })).toHaveLength(1);
});

it.each([
  ["MODEL_BUSY", "Wait a moment, then retry.", "Retry"],
  ["KERNEL_DIED", "Restart the kernel and retry.", "Restart kernel and retry"],
  ["KERNEL_RESTARTED", "Retry to have the answer written again.", "Retry"],
] as const)("tells the next step after %s", (code, step, action) => {
  const error = { code, message: "What went wrong.", retryable: true };
  show([{ ...answer("m1", "begun"), status: "FAILED", error }]);
  expect(screen.getByText("begun")).toBeInTheDocument();
  const alert = screen.getByRole("alert");
  expect(alert).toHaveTextContent("What went wrong.");
  expect(alert).toHaveTextContent(step);
  expect(screen.getByRole("button", { name: action })).toBeInTheDocument();
});

it("offers no other try of a question that is too long", () => {
  const error = { code: "CONTEXT_TOO_LONG", message: "It is too long.", retryable: false } as const;
  show([{ ...answer("m1", ""), parts: [], status: "FAILED", error }]);
  expect(screen.getByRole("alert")).toHaveTextContent("Start a new chat");
  expect(screen.queryByRole("button", { name: "Retry" })).not.toBeInTheDocument();
});
