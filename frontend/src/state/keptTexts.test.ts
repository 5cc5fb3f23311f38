import { beforeEach, expect, it, vi } from "vitest";
import { query, RequestFailed } from "../api/client";
import { draft, keepDraft } from "./drafts";
import { forgetTextsOfOthers, keepTextsOf, onOtherOwner } from "./keptTexts";

vi.mock("../api/client", () => ({ query: vi.fn(), RequestFailed: class extends Error {} }));

beforeEach(() => vi.mocked(query).mockReset());

function signedInAs(id: string): void {
  vi.mocked(query).mockResolvedValueOnce({ viewer: { id } });
}

it("keeps what was typed by the one who is signed in", async () => {
  keepTextsOf("ann");
  keepDraft("new", "Hello");
  signedInAs("ann");
  await forgetTextsOfOthers();
  expect(draft("new")).toBe("Hello");
});

it("forgets what was typed by somebody else, or by nobody knows whom", async () => {
  keepTextsOf("ann");
  keepDraft("new", "Hello");
  signedInAs("bob");
  await forgetTextsOfOthers();
  expect(draft("new")).toBe("");
  localStorage.clear();
  keepDraft("new", "Hello");
  signedInAs("bob");
  await forgetTextsOfOthers();
  expect(draft("new")).toBe("");
});

it("asks nothing where nothing is kept", async () => {
  keepTextsOf("ann");
  await forgetTextsOfOthers();
  expect(query).not.toHaveBeenCalled();
});

it("loses nothing when the server does not answer", async () => {
  keepTextsOf("ann");
  keepDraft("new", "Hello");
  vi.mocked(query).mockRejectedValueOnce(new RequestFailed());
  await forgetTextsOfOthers();
  expect(draft("new")).toBe("Hello");
});

it("notices somebody else in another tab, and only them", () => {
  const noticed = vi.fn();
  onOtherOwner(noticed);
  keepTextsOf("ann");
  for (const newValue of ["ann", null]) {
    dispatchEvent(new StorageEvent("storage", { key: "pybot.viewer", newValue }));
  }
  dispatchEvent(new StorageEvent("storage", { key: "pybot.draft.new", newValue: "bob" }));
  expect(noticed).not.toHaveBeenCalled();
  dispatchEvent(new StorageEvent("storage", { key: "pybot.viewer", newValue: "bob" }));
  expect(noticed).toHaveBeenCalledOnce();
});
