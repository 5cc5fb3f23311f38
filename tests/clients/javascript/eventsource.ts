// Subscriptions with what a browser has, without a library.

import { EventSource } from "eventsource";

/**
 * Follow a subscription until the returned function is called; `next` takes each payload. When its
 * connection is lost the EventSource connects again by itself, with the `id` of the last event.
 */
export function follow(
  url: string,
  query: string,
  variables: Record<string, unknown>,
  next: (payload: unknown) => void,
): () => void {
  const given = new URLSearchParams({ query, variables: JSON.stringify(variables) });
  const source = new EventSource(`${url}?${given}`);
  source.addEventListener("next", (event) => next(JSON.parse(event.data)));
  // Or it would ask again for ever.
  source.addEventListener("complete", () => source.close());
  return () => source.close();
}
