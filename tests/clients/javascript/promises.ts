// What Pybot promises to every client, whatever it is written with.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientUnderTest, Held } from "./client.ts";
import { expired, renameElsewhere } from "./server.ts";

const ANSWER = Array.from({ length: 60 }, (_, index) => `w${index}`).join(" ");

export function keepsPromises(held: Held<ClientUnderTest>): void {
  test("a query reads what a mutation wrote", async () => {
    const { client } = held;
    const id = await client.create("Primes");
    assert.equal((await client.snapshot(id)).title, "Primes");
    assert.deepEqual(await client.rename(id, "Prime numbers"), []);
    assert.equal((await client.snapshot(id)).title, "Prime numbers");
  });

  test("a change that cannot be made has a typed error", async () => {
    const [error, ...others] = await held.client.rename("nothing", "Primes");
    assert.deepEqual(others, []);
    assert.equal(error?.__typename, "NotFoundError");
    assert.equal(error.code, "NOT_FOUND");
    assert.deepEqual(error.path, ["input", "conversationId"]);
  });

  test("a request that cannot be answered has a code", async () => {
    assert.equal(await held.client.refusalOfPage(100), undefined);
    assert.equal(await held.client.refusalOfPage(101), "BAD_USER_INPUT");
  });

  test("a subscription behind a wrong cursor is refused with a code", async () => {
    const id = await held.client.create("Primes");
    assert.equal(await held.follow(id, "nothing").refused(), "BAD_USER_INPUT");
  });

  test("behind a cursor that has expired, a new snapshot is followed", async () => {
    const { client } = held;
    const { conversationId: id, cursor } = expired;
    assert.equal(await held.follow(id, cursor).refused(), "CURSOR_EXPIRED");
    const { title, eventCursor } = await client.snapshot(id);
    await renameElsewhere(id, `${title}!`);
    const followed = held.follow(id, eventCursor);
    await followed.until((event) => event.conversation?.title === `${title}!`);
    followed.stop();
    assert.equal(followed.events.length, 1);
  });

  test("a subscription without `after` begins now, and a cut loses nothing", async () => {
    const { client, network } = held;
    const id = await client.create("0");
    const followed = held.follow(id);
    // When the server has taken it up cannot be seen but by its first event.
    let newest = 0;
    while (!(await followed.hasBegun())) await renameElsewhere(id, `${(newest += 1)}`);
    network.goDown();
    await renameElsewhere(id, `${(newest += 1)}`);
    await renameElsewhere(id, `${(newest += 1)}`);
    network.comeBack();
    await followed.until((event) => event.conversation?.title === `${newest}`);
    followed.stop();
    const titles = followed.events.map((event) => Number(event.conversation?.title));
    assert.deepEqual(titles, range(titles[0] ?? NaN, newest));
  });

  test("a subscription behind a cursor gives an answer once and whole, cut or not", async () => {
    const { client, network } = held;
    const id = await client.create("Words");
    const cursor = await client.send(id, "[[slow: 200]] [[long: 60]]");
    const connections = network.connections;
    let isCut = false;
    const followed = held.follow(id, cursor);
    await followed.until((event) => {
      if (event.text !== undefined && !isCut) {
        isCut = true;
        network.cut();
      }
      return event.run?.status === "COMPLETED";
    });
    followed.stop();
    assert.ok(network.connections > connections, "it did not connect again");
    assert.equal(followed.text(), ANSWER);
    const again = held.follow(id, cursor);
    await again.until((event) => event.run?.status === "COMPLETED");
    again.stop();
    assert.equal(again.text(), ANSWER);
  });
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
