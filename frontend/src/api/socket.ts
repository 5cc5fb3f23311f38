import { createClient } from "graphql-ws";
import { Observable } from "../shared/observable";
import { mustSignIn } from "./session";

export type Connection = "connecting" | "open" | "lost" | "signedOut";

/** How the one socket of this tab is. */
export const connection = new Observable<Connection>("connecting");

const PING_INTERVAL_MS = 10_000;
const PONG_TIMEOUT_MS = 5_000;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 8_000;
/** Close codes that say that the server knows no user. */
const SIGNED_OUT_CODES = [4401, 4403];

let pongTimer: ReturnType<typeof setTimeout> | undefined;

export const socket = createClient({
  url: () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`,
  lazy: false,
  onNonLazyError: noteClosed,
  keepAlive: PING_INTERVAL_MS,
  retryAttempts: Infinity,
  shouldRetry: (event) => !isSignedOut(event),
  retryWait: untilNextTry,
  on: {
    connected: () => connection.set("open"),
    closed: noteClosed,
    error: noteClosed,
    ping: (received) => {
      if (!received) pongTimer = setTimeout(() => socket.terminate(), PONG_TIMEOUT_MS);
    },
    pong: () => clearTimeout(pongTimer),
  },
});

// A socket that has lost its network says nothing for minutes; the browser knows at once.
addEventListener("offline", () => socket.terminate());

function isSignedOut(event: unknown): boolean {
  return event instanceof CloseEvent && SIGNED_OUT_CODES.includes(event.code);
}

function noteClosed(event: unknown): void {
  clearTimeout(pongTimer);
  if (connection.get() !== "signedOut") connection.set(isSignedOut(event) ? "signedOut" : "lost");
}

/** Returns when to try again; never when only a reload of the page can help. */
async function untilNextTry(retries: number): Promise<void> {
  await pause(retries);
  // Where the try before has failed as well, it may be a proxy that no longer knows the user.
  if (retries > 0 && (await mustSignIn())) connection.set("signedOut");
  if (connection.get() === "signedOut") await new Promise<never>(() => undefined);
}

/** Waits longer after each failed try, by chance spread out, but not once the network is back. */
async function pause(retries: number): Promise<void> {
  const longest = Math.min(FIRST_RETRY_MS * 2 ** retries, LONGEST_RETRY_MS);
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, longest * (0.5 + Math.random() / 2));
    addEventListener("online", done);
  });
}
