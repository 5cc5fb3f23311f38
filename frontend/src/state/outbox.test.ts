import { beforeEach, expect, it, vi } from "vitest";
import { enqueue, outbox, outstanding, remove, update } from "./outbox";
import { message } from "./testing";
import { messageView } from "./views";

const said = (id: string, text: string) =>
  messageView(
    message(id, {
      role: "USER",
      parts: [{ __typename: "TextPart", index: 0, text, revision: 0 }],
    }),
  );

beforeEach(() => vi.resetModules());

it("hides a message as soon as it is in the history, even before the server's answer", () => {
  const item = enqueue(outbox("a"), "Hello", "m1");
  const before = said("m1", "Hello");
  expect(outstanding([item], [before])).toEqual([item]);
  expect(outstanding([item], [before, said("m2", "Hello")])).toEqual([]);
  expect(outstanding([item], [said("m2", "Hello")])).toEqual([item]);
});

it("waits for the very message once its ID is known", () => {
  const item = { ...enqueue(outbox("b"), "Hello", null), messageId: "m2" };
  expect(outstanding([item], [said("m1", "Hello")])).toEqual([item]);
  expect(outstanding([item], [said("m2", "Hello")])).toEqual([]);
});

it("keeps an unsent message, with its key, over a reload", async () => {
  const item = enqueue(outbox("c"), "Hello", "m1");
  const reloaded = await import("./outbox");
  expect(reloaded.outbox("c").get()).toEqual([{ ...item, status: "failed" }]);
});

it("forgets a message that was accepted or discarded", async () => {
  const box = outbox("d");
  update(box, enqueue(box, "Accepted", null).key, { status: "accepted", messageId: "m1" });
  remove(box, enqueue(box, "Discarded", null).key);
  const reloaded = await import("./outbox");
  expect(reloaded.outbox("d").get()).toEqual([]);
});

it.each(["", "nonsense", "{}", '[{"key":1}]'])("survives %j in the storage", async (json) => {
  localStorage.setItem("pybot.outbox.e", json);
  const reloaded = await import("./outbox");
  expect(reloaded.outbox("e").get()).toEqual([]);
});
