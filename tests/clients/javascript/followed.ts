// A subscription while it is followed, and what it has given.

import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";

/** What the tests read of an event. */
export interface Event {
  readonly __typename: string;
  readonly cursor: string;
  readonly offset?: number;
  readonly text?: string;
  readonly conversation?: { readonly title: string };
  readonly run?: { readonly status: string };
  readonly kernel?: { readonly status: string };
}

export type Received = (event: Event) => void;
/** Takes the `extensions.code` of the error that ended a subscription. */
export type Failed = (code: unknown) => void;

const TIMEOUT_MS = 30_000;

export class Followed {
  readonly events: Event[] = [];
  readonly stop: () => void;
  private code: unknown;
  private hasFailed = false;
  private readonly changed = new EventEmitter();

  constructor(follow: (received: Received, failed: Failed) => () => void) {
    this.stop = follow(
      (event) => {
        this.events.push(event);
        this.changed.emit("changed");
      },
      (code) => {
        this.code = code;
        this.hasFailed = true;
        this.changed.emit("changed");
      },
    );
  }

  /** Whether an event has come, or comes very soon. */
  async hasBegun(): Promise<boolean> {
    return this.events.length > 0 || this.soon(20);
  }

  /** Wait for an event; each is looked at once. */
  async until(isMeant: (event: Event) => boolean): Promise<void> {
    let seen = 0;
    for (;;) {
      const fresh = this.events.slice(seen);
      if (fresh.some(isMeant)) return;
      seen += fresh.length;
      assert.ok(!this.hasFailed, `it ended with ${String(this.code)}`);
      await this.more();
    }
  }

  /** Wait for the error that ends it; its `extensions.code`. */
  async refused(): Promise<unknown> {
    while (!this.hasFailed) await this.more();
    return this.code;
  }

  /** The text of the deltas, none of which may be missing or there twice. */
  text(): string {
    let text = "";
    for (const event of this.events) {
      if (event.text === undefined) continue;
      assert.equal(event.offset, text.length, "a gap or a double");
      text += event.text;
    }
    const cursors = this.events.map((event) => event.cursor);
    assert.equal(new Set(cursors).size, cursors.length, "an event came twice");
    return text.trim();
  }

  private async more(): Promise<void> {
    assert.ok(await this.soon(TIMEOUT_MS), "nothing more comes");
  }

  private async soon(milliseconds: number): Promise<boolean> {
    const signal = AbortSignal.timeout(milliseconds);
    return once(this.changed, "changed", { signal }).then(
      () => true,
      () => false,
    );
  }
}

/** The `extensions.code` of the first error, in whatever a library wraps errors in. */
export function codeOf(error: unknown): unknown {
  const [first] = error as { extensions?: { code?: unknown } }[];
  return first?.extensions?.code;
}
