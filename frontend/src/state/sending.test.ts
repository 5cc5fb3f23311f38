import { beforeEach, expect, it, vi } from "vitest";
import { mutate } from "../api/client";
import { enqueue, outbox } from "./outbox";
import { send } from "./sending";

vi.mock("../api/client", () => ({ mutate: vi.fn() }));

const answer = (code: string) => {
  const errors = [{ __typename: "UserError", code, message: "No." }];
  const sendMessage = { message: null, run: null, conversation: null, eventCursor: null, errors };
  vi.mocked(mutate).mockResolvedValueOnce({ sendMessage });
};

beforeEach(() => vi.mocked(mutate).mockReset());

it("keeps a message that the server could not take, to be sent again with its key", async () => {
  const box = outbox("a");
  const item = enqueue(box, "Hello", null);
  answer("UNAVAILABLE");
  expect(await send("a", item)).toEqual({ kind: "notSent", reason: "No." });
  expect(box.get()).toEqual([{ ...item, status: "failed" }]);
});

it("gives a message back that the server does not want", async () => {
  const box = outbox("b");
  const item = enqueue(box, "Hello", null);
  answer("INVALID");
  expect(await send("b", item)).toEqual({ kind: "refused", message: "No." });
  expect(box.get()).toEqual([]);
});
