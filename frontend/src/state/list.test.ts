import { expect, it } from "vitest";
import type { ListedData } from "../api/fragments";
import type { ViewerEvent } from "../api/subscriptions";
import { listFromSnapshot, reduceList, withOlder, type ConversationList } from "./list";

function node(id: string, minute: number, activeRun: ListedData["activeRun"] = null): ListedData {
  const at = `2026-11-25T10:${String(minute).padStart(2, "0")}:00Z`;
  return { id, title: `Title ${id}`, createdAt: at, updatedAt: at, pinned: false, activeRun };
}

function page(nodes: ListedData[], older: string | null = null) {
  return { nodes, pageInfo: { hasNextPage: older !== null, endCursor: older } };
}

const ids = (list: ConversationList) => list.conversations.map(({ id }) => id);
const base = { cursor: "1", conversationId: "a" };
const changed = (conversation: ListedData): ViewerEvent => ({
  __typename: "ConversationChangedEvent",
  ...base,
  conversation,
});
const runChanged = (id: string, status: "QUEUED" | "COMPLETED"): ViewerEvent => ({
  __typename: "RunChangedEvent",
  ...base,
  run: { id, status },
});

const list = listFromSnapshot("0", page([node("b", 20), node("a", 10)], "older"));

it("puts what changed last first", () => {
  const next = reduceList(list, changed(node("a", 30)));
  expect(ids(next)).toEqual(["a", "b"]);
  expect(next.cursor).toBe("1");
});

it("keeps pinned ones above newer ones, until they are unpinned", () => {
  const pinned = reduceList(list, changed({ ...node("a", 15), pinned: true }));
  expect(ids(pinned)).toEqual(["a", "b"]);
  expect(ids(reduceList(pinned, changed(node("c", 40))))).toEqual(["a", "c", "b"]);
  expect(ids(reduceList(pinned, changed(node("a", 16))))).toEqual(["b"]);
});

it("adds a new conversation, and takes a deleted one out", () => {
  expect(ids(reduceList(list, changed(node("c", 40))))).toEqual(["c", "b", "a"]);
  const deleted: ViewerEvent = { __typename: "ConversationDeletedEvent", ...base };
  expect(ids(reduceList(list, deleted))).toEqual(["b"]);
});

it("leaves one that is older than all that is loaded to its page", () => {
  const old = changed(node("z", 1));
  expect(ids(reduceList(list, old))).toEqual(["b", "a"]);
  expect(ids(reduceList({ ...list, older: null }, old))).toEqual(["b", "a", "z"]);
});

it("loads further pages without showing one twice", () => {
  const next = withOlder(list, page([node("a", 10), node("z", 1)]));
  expect(ids(next)).toEqual(["b", "a", "z"]);
  expect(next.older).toBeNull();
});

it("knows which conversation answers; an older run's end does not hide a newer one", () => {
  const active = (it: ConversationList) =>
    it.conversations.find(({ id }) => id === "a")?.activeRunId;
  const running = reduceList(list, runChanged("r2", "QUEUED"));
  expect(active(running)).toBe("r2");
  expect(active(reduceList(running, runChanged("r1", "COMPLETED")))).toBe("r2");
  expect(active(reduceList(running, runChanged("r2", "COMPLETED")))).toBeNull();
  expect(active(listFromSnapshot("0", page([node("a", 1, { id: "r" })])))).toBe("r");
});
