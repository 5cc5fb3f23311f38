// What the tests ask of a library, and how they hold it.

import assert from "node:assert/strict";
import { afterEach, beforeEach } from "node:test";
import { Followed, type Failed, type Received } from "./followed.ts";
import { Network } from "./network.ts";
import { url } from "./server.ts";

/** What is read of a conversation as of a cursor. */
export interface Snapshot {
  readonly title: string;
  readonly eventCursor: string;
}

export interface UserError {
  readonly __typename: string;
  readonly code: string;
  readonly path: readonly string[];
}

/** A library under test, with the operations that the tests need. */
export interface ClientUnderTest {
  /** The ID of a new conversation. */
  create(title: string): Promise<string>;
  /** A conversation as the server has it now. */
  snapshot(id: string): Promise<Snapshot>;
  rename(id: string, title: string): Promise<readonly UserError[]>;
  /** Send a message; gives the cursor before its first event. */
  send(conversationId: string, text: string): Promise<string>;
  /** The `extensions.code` with which a page of so many conversations is refused. */
  refusalOfPage(first: number): Promise<unknown>;
  /** Follow a conversation until the returned function is called. */
  follow(id: string, after: string | undefined, received: Received, failed: Failed): () => void;
  close(): void;
}

/** A conversation as a view would have it. */
export interface Shown {
  readonly title: string;
  readonly kernel?: { readonly status: string } | null | undefined;
}

/** A library that keeps objects, and gives views what changes in them. */
export interface CachingClient extends ClientUnderTest {
  /** Show a conversation until the returned function is called. */
  watch(id: string, show: (shown: Shown | null | undefined) => void): () => void;
  /** Load a page of the list, then the next one; the titles of the list as it is shown then. */
  loadTwoPages(size: number): Promise<string[]>;
}

/** What a test holds while it runs. */
export class Held<Client extends ClientUnderTest> {
  client!: Client;
  network!: Network;

  follow(id: string, cursor?: string): Followed {
    return new Followed((received, failed) => this.client.follow(id, cursor, received, failed));
  }
}

/**
 * Open a client for each test of a file. `through` is the server's URL behind a network that can
 * fail. A library that warns of something fails the test.
 */
export function held<Client extends ClientUnderTest>(
  open: (through: string) => Client,
): Held<Client> {
  const holder = new Held<Client>();
  let warnings: unknown[][] = [];
  console.warn = console.error = (...words: unknown[]) => void warnings.push(words);
  beforeEach(async () => {
    warnings = [];
    holder.network = await Network.open(url);
    holder.client = open(holder.network.url);
  });
  afterEach(async () => {
    holder.client.close();
    await holder.network.close();
    assert.deepEqual(warnings, []);
  });
  return holder;
}

/** What a payload without errors has. */
export function present<Value>(value: Value | null | undefined): Value {
  assert.ok(value !== null && value !== undefined);
  return value;
}
