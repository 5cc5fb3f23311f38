// The WebSocket that Apollo Client, urql and Relay send their subscriptions over.

import { createClient, type Client } from "graphql-ws";
import { resuming } from "./resuming.ts";

export function openSocket(url: string): Client {
  return resuming(
    createClient({
      url: url.replace(/^http/, "ws"),
      retryAttempts: Infinity,
      shouldRetry: () => true, // also when the server cannot be reached at all
      retryWait: pauseBeforeRetry,
    }),
  );
}

/** Short, so that tests are; for users leave the one of graphql-ws, which grows and varies. */
async function pauseBeforeRetry(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 50));
}
