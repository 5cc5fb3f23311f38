import { openBare, type Answer, type Bare, type Request, type Sink } from "./bare.ts";
import { held } from "./client.ts";
import { follow } from "./eventsource.ts";
import { keepsPromises } from "./promises.ts";
import { url } from "./server.ts";

/** Subscriptions by EventSource through the network, all else by `fetch`. */
function openBrowser(through: string): Bare {
  const followed = new Set<() => void>();
  return {
    subscribe<Data>(request: Request, sink: Sink<Data>) {
      const next = (payload: unknown) => sink.next(payload as Answer<Data>);
      const { query, variables } = request;
      if (query.startsWith("subscription")) {
        const stop = follow(through, query, variables, next);
        followed.add(stop);
        return stop;
      }
      ask(request).then(next, (error: unknown) => sink.error(error));
      return () => undefined;
    },
    // An EventSource that is not closed connects again for ever.
    dispose: () => followed.forEach((stop) => stop()),
  };
}

async function ask(request: Request): Promise<unknown> {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify(request);
  const response = await fetch(url, { method: "POST", headers, body });
  return response.json();
}

keepsPromises(held((through) => openBare(openBrowser(through))));
