import { present, query } from "../api/client";
import { follow } from "../api/follow";
import { ConversationsQuery } from "../api/queries";
import { connection } from "../api/socket";
import { ViewerEvents } from "../api/subscriptions";
import { oncePerFrame } from "../shared/frames";
import { Observable } from "../shared/observable";
import { account } from "./account";
import { forgetConversation } from "./conversations";
import { keepTextsOf } from "./keptTexts";
import { listFromSnapshot, reduceList, withOlder, type ConversationList } from "./list";

export type ListState =
  { phase: "loading" } | { phase: "failed" } | { phase: "ready"; list: ConversationList };

const PAGE = 30;
const RETRY_MS = 2_000;

/** The viewer's conversations: their snapshot, then every event. One for the whole tab. */
class ListStore {
  readonly state = new Observable<ListState>({ phase: "loading" });
  #list: ConversationList | null = null;
  #users = 0;
  #stopFollowing: (() => void) | null = null;
  #loadingOlder = false;
  readonly #publish = oncePerFrame(() => this.#publishNow());

  /** Follows the list until the returned function is called. */
  readonly use = (): (() => void) => {
    this.#users += 1;
    if (this.#users === 1) void this.load();
    const unwatch = connection.subscribe(() => this.#retryOnceConnected());
    return () => {
      unwatch();
      this.#users -= 1;
      if (this.#users === 0) this.#stop();
    };
  };

  readonly load = async (): Promise<void> => {
    try {
      const variables = { first: PAGE };
      const { viewer, server } = await query({ document: ConversationsQuery, variables });
      keepTextsOf(viewer.id);
      const { displayName: name, email } = viewer;
      account.set({ name, email, signOutUrl: server.signOutUrl });
      this.#list = listFromSnapshot(viewer.eventCursor, present(viewer.conversations));
      this.#publishNow();
      if (this.#users > 0) this.#follow();
    } catch {
      if (!this.#list) this.state.set({ phase: "failed" });
      else setTimeout(() => this.#loadIfUsed(), RETRY_MS);
    }
  };

  readonly loadOlder = async (): Promise<void> => {
    const after = this.#list?.older;
    if (!after || this.#loadingOlder) return;
    this.#loadingOlder = true;
    try {
      const variables = { first: PAGE, after };
      const { viewer } = await query({ document: ConversationsQuery, variables });
      if (this.#list?.older === after) {
        this.#list = withOlder(this.#list, present(viewer.conversations));
        this.#publishNow();
      }
    } finally {
      this.#loadingOlder = false;
    }
  };

  #loadIfUsed(): void {
    if (this.#users > 0) void this.load();
  }

  #stop(): void {
    this.#stopFollowing?.();
    this.#stopFollowing = null;
  }

  #follow(): void {
    this.#stop();
    const cursor = () => this.#list?.cursor ?? null;
    const variables = {
      get after() {
        return cursor();
      },
    };
    this.#stopFollowing = follow(ViewerEvents, variables, {
      onData: ({ viewerEvents: event }) => {
        if (!this.#list) return;
        if (event.__typename === "ConversationDeletedEvent") {
          forgetConversation(event.conversationId);
        }
        this.#list = reduceList(this.#list, event);
        this.#publish();
      },
      onExpired: () => void this.load(),
      onNotFound: () => void this.load(),
    });
  }

  #publishNow(): void {
    if (this.#list) this.state.set({ phase: "ready", list: this.#list });
  }

  #retryOnceConnected(): void {
    if (connection.get() === "open" && this.state.get().phase === "failed") void this.load();
  }
}

export const listStore = new ListStore();
