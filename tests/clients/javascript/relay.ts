// Relay's environment: operations by HTTP, subscriptions over the WebSocket. Relay gives views no
// `extensions`, so whoever wants the codes of errors beside data takes them here.

import type { Client } from "graphql-ws";
import {
  Environment,
  Network,
  Observable,
  RecordSource,
  Store,
  type FetchFunction,
  type GraphQLSingularResponse,
  type SubscribeFunction,
} from "relay-runtime";
import { url } from "./server.ts";

export function openRelay(socket: Client, noteErrors: (errors: unknown) => void): Environment {
  const ask: FetchFunction = async ({ text: query }, variables) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query, variables }),
    });
    const answer = (await response.json()) as GraphQLSingularResponse;
    if ("errors" in answer) noteErrors(answer.errors);
    return answer;
  };
  const follow: SubscribeFunction = ({ text }, variables) =>
    Observable.create((sink) =>
      socket.subscribe(
        { query: text ?? "", variables },
        {
          next: (answer) => sink.next(answer as GraphQLSingularResponse),
          error: (errors) => sink.error(errors as Error),
          complete: () => sink.complete(),
        },
      ),
    );
  return new Environment({
    network: Network.create(ask, follow),
    store: new Store(new RecordSource()),
  });
}
