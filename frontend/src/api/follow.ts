import { stringifyDocument, type TypedDocumentNode } from "urql";
import { connection, socket } from "./socket";

export interface FollowHandlers<Data> {
  onData: (data: Data) => void;
  /** The cursor leads nowhere (any more): query the snapshot and follow from there. */
  onExpired: () => void;
  onNotFound: () => void;
}

const RETRY_MS = 2_000;

/**
 * Follows a subscription until the returned function is called. Whenever the socket is opened again,
 * `variables` are read again: give `after` as a getter and it resumes where it was.
 */
export function follow<Data, Variables extends Record<string, unknown>>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  handlers: FollowHandlers<Data>,
): () => void {
  const query = stringifyDocument(document);
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop = start();

  function start(): () => void {
    return socket.subscribe<Data>(
      { query, variables },
      {
        next: ({ data, errors }) => {
          if (stopped) return;
          if (errors) fail(errors);
          else if (data) handlers.onData(data);
        },
        error: (error) => fail(error),
        // The server has nothing more to say, or is being replaced: ask again.
        complete: restartLater,
      },
    );
  }

  function fail(error: unknown): void {
    if (stopped) return;
    const code = errorCode(error);
    if (code === "CURSOR_EXPIRED" || code === "BAD_USER_INPUT") handlers.onExpired();
    else if (code === "NOT_FOUND") handlers.onNotFound();
    else restartLater();
  }

  function restartLater(): void {
    if (stopped || connection.get() === "signedOut") return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      stop();
      stop = start();
    }, RETRY_MS);
  }

  return () => {
    stopped = true;
    clearTimeout(timer);
    stop();
  };
}

/** The `extensions.code` of the first of GraphQL's errors; null for anything else. */
function errorCode(error: unknown): string | null {
  if (!Array.isArray(error)) return null;
  const first: unknown = error[0];
  if (!isRecord(first) || !isRecord(first.extensions)) return null;
  return typeof first.extensions.code === "string" ? first.extensions.code : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
