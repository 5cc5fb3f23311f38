// Subscriptions that go on behind the last event when the connection was lost.

interface Request {
  variables?: Record<string, unknown> | null;
}

interface Answer {
  data?: Record<string, { cursor?: string } | null | undefined> | null;
}

interface Sink {
  next(answer: Answer): void;
  error(error: unknown): void;
  complete(): void;
}

type Subscribe = (request: Request, sink: Sink) => () => void;

/**
 * A client of graphql-ws or graphql-sse that, when it connects again, asks for what comes behind
 * the last event. Operations declare the variable `$after` and select each event's `cursor`.
 */
export function resuming<Client extends { subscribe: unknown }>(client: Client): Client {
  const subscribe = client.subscribe as Subscribe;
  return {
    ...client,
    subscribe(request: Request, sink: Sink) {
      // What the client sends again when it connects again.
      const variables = { ...request.variables };
      return subscribe(
        { ...request, variables },
        {
          next(answer) {
            const [event] = Object.values(answer.data ?? {});
            if (event?.cursor !== undefined) variables["after"] = event.cursor;
            sink.next(answer);
          },
          error: (error) => sink.error(error),
          complete: () => sink.complete(),
        },
      );
    },
  };
}
