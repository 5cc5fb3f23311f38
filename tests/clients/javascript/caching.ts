// What a library with a cache of objects gets from Pybot's IDs, connections and events.

import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { test } from "node:test";
import type { CachingClient, Held, Shown } from "./client.ts";

export function keepsCacheCurrent(held: Held<CachingClient>): void {
  test("events change what is shown, the first kernel of a conversation as well", async () => {
    const { client } = held;
    const id = await client.create("Sums");
    const view = new View(client, id);
    await view.until((shown) => shown.title === "Sums" && shown.kernel === null);
    const cursor = await client.send(id, "[[code: 1 + 1]] [[answer: two]]");
    const followed = held.follow(id, cursor);
    await view.until((shown) => shown.kernel?.status === "BUSY");
    await view.until((shown) => shown.kernel?.status === "IDLE");
    await client.rename(id, "Additions");
    await view.until((shown) => shown.title === "Additions");
    await followed.until((event) => event.run?.status === "COMPLETED");
    followed.stop();
    view.close();
  });

  test("the next page of a list joins the first", async () => {
    for (const title of ["1", "2", "3", "4"]) await held.client.create(title);
    assert.deepEqual(await held.client.loadTwoPages(2), ["4", "3", "2", "1"]);
  });
}

/** A view of one conversation. */
class View {
  readonly close: () => void;
  private readonly shown: Shown[] = [];
  private readonly changed = new EventEmitter();

  constructor(client: CachingClient, id: string) {
    this.close = client.watch(id, (shown) => {
      if (shown) this.shown.push(shown);
      this.changed.emit("changed");
    });
  }

  /** Wait until it is shown so, after what was waited for before. */
  async until(isMeant: (shown: Shown) => boolean): Promise<void> {
    const signal = AbortSignal.timeout(30_000);
    for (;;) {
      const found = this.shown.findIndex(isMeant);
      this.shown.splice(0, found === -1 ? Infinity : found);
      if (found !== -1) return;
      await once(this.changed, "changed", { signal });
    }
  }
}
