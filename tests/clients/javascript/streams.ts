// Subscriptions over server-sent events, for where a proxy lets no WebSocket through.

import { createClient, type Client } from "graphql-sse";
import { resuming } from "./resuming.ts";

export function openStreams(url: string): Client {
  return resuming(
    createClient({
      url,
      retryAttempts: Infinity,
      retry: pauseBeforeRetry,
    }),
  );
}

/** Short, so that tests are; for users leave the one of graphql-sse, which grows and varies. */
async function pauseBeforeRetry(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 50));
}
