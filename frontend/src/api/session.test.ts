import { afterEach, expect, test, vi } from "vitest";
import { mustSignIn } from "./session";

afterEach(() => vi.unstubAllGlobals());

function answering(answer: () => Promise<Partial<Response>>): void {
  vi.stubGlobal("fetch", answer);
}

test("a proxy that does not know the user says so with 401 or the way to its login page", async () => {
  answering(() => Promise.resolve({ status: 401, type: "basic" }));
  expect(await mustSignIn()).toBe(true);
  answering(() => Promise.resolve({ status: 0, type: "opaqueredirect" }));
  expect(await mustSignIn()).toBe(true);
});

test("an answer, a server that fails and one that is not reached ask nobody to sign in", async () => {
  for (const status of [200, 502, 503]) {
    answering(() => Promise.resolve({ status, type: "basic" }));
    expect(await mustSignIn()).toBe(false);
  }
  answering(() => Promise.reject(new TypeError("Failed to fetch")));
  expect(await mustSignIn()).toBe(false);
});
