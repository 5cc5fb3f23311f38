import { present, query } from "../api/client";
import { follow } from "../api/follow";
import { ConversationQuery, EarlierMessagesQuery } from "../api/queries";
import { connection } from "../api/socket";
import { ConversationEvents, type ConversationEvent } from "../api/subscriptions";
import { oncePerFrame } from "../shared/frames";
import { Observable } from "../shared/observable";
import { reduce } from "./reduce";
import { refreshed } from "./snapshot";
import type { ConversationView } from "./types";
import { withEarlier } from "./views";

export type ConversationState =
  | { phase: "loading" }
  | { phase: "missing" }
  | { phase: "failed"; message: string }
  | { phase: "ready"; view: ConversationView };

const PAGE = 50;
/** The pause before the snapshot is queried again: an event may fit none of them. */
const RESYNC_MS = 1_000;

/** One conversation: its snapshot, then every event; published to React at most once a frame. */
export class ConversationStore {
  readonly state: Observable<ConversationState>;
  readonly #id: string;
  #view: ConversationView | null;
  #users = 0;
  #stopFollowing: (() => void) | null = null;
  #loadingEarlier = false;
  readonly #publish = oncePerFrame(() => this.#publishNow());

  constructor(id: string, view: ConversationView | null = null) {
    this.#id = id;
    this.#view = view;
    this.state = new Observable<ConversationState>(
      view ? { phase: "ready", view } : { phase: "loading" },
    );
  }

  get inUse(): boolean {
    return this.#users > 0;
  }

  /** Follows the conversation until the returned function is called; resumes where it was left. */
  readonly use = (): (() => void) => {
    this.#users += 1;
    if (this.#users === 1) this.#start();
    const unwatch = connection.subscribe(() => this.#retryOnceConnected());
    return () => {
      unwatch();
      this.#users -= 1;
      if (this.#users === 0) this.#stop();
    };
  };

  readonly load = async (): Promise<void> => {
    try {
      const data = await query({
        document: ConversationQuery,
        variables: { id: this.#id, last: PAGE },
      });
      if (!data.conversation) {
        this.state.set({ phase: "missing" });
        return;
      }
      this.#view = refreshed(this.#view, data.conversation);
      this.#publishNow();
      if (this.inUse) this.#follow();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (!this.#view) this.state.set({ phase: "failed", message });
      else this.#resync();
    }
  };

  /** Loads the page of messages before the first one that is here. */
  readonly loadEarlier = async (): Promise<void> => {
    const before = this.#view?.earlier;
    if (!before || this.#loadingEarlier) return;
    this.#loadingEarlier = true;
    try {
      const variables = { id: this.#id, last: PAGE, before };
      const data = await query({ document: EarlierMessagesQuery, variables });
      if (data.conversation && this.#view?.earlier === before) {
        this.#view = withEarlier(this.#view, present(data.conversation.messages));
        this.#publishNow();
      }
    } finally {
      this.#loadingEarlier = false;
    }
  };

  #start(): void {
    if (this.#view) this.#follow();
    else void this.load();
  }

  #stop(): void {
    this.#stopFollowing?.();
    this.#stopFollowing = null;
  }

  #follow(): void {
    this.#stop();
    const cursor = () => this.#view?.cursor ?? null;
    const variables = {
      conversationId: this.#id,
      get after() {
        return cursor();
      },
    };
    this.#stopFollowing = follow(ConversationEvents, variables, {
      onData: (data) => this.#apply(data.conversationEvents),
      onExpired: () => void this.load(),
      onNotFound: () => this.state.set({ phase: "missing" }),
    });
  }

  #apply(event: ConversationEvent): void {
    if (!this.#view) return;
    this.#view = reduce(this.#view, event);
    if (this.#view.stale) this.#resync();
    else this.#publish();
  }

  #resync(): void {
    this.#stop();
    setTimeout(() => {
      if (this.inUse) void this.load();
    }, RESYNC_MS);
  }

  #publishNow(): void {
    if (this.#view) this.state.set({ phase: "ready", view: this.#view });
  }

  #retryOnceConnected(): void {
    if (connection.get() === "open" && this.state.get().phase === "failed") void this.load();
  }
}
