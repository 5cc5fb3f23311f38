import { Client, fetchExchange, type AnyVariables, type TypedDocumentNode } from "urql";
import { strings } from "../shared/strings";
import { asksToSignIn } from "./session";
import { connection } from "./socket";

/** No cache: what is shown lives in `state/`, as of a cursor. */
const client = new Client({
  url: "/graphql",
  preferGetMethod: false,
  // A login page is no answer, and another host's would look like an unreachable server.
  fetchOptions: { redirect: "manual" },
  exchanges: [fetchExchange],
});

/** The server was not reached, or failed: the same request may succeed later. */
export class RequestFailed extends Error {}

interface Operation<Data, Variables extends AnyVariables> {
  document: TypedDocumentNode<Data, Variables>;
  variables: Variables;
}

export async function query<Data, Variables extends AnyVariables>(
  operation: Operation<Data, Variables>,
): Promise<Data> {
  const { document, variables } = operation;
  return unwrap(await client.query(document, variables, { requestPolicy: "network-only" }));
}

export async function mutate<Data, Variables extends AnyVariables>(
  operation: Operation<Data, Variables>,
): Promise<Data> {
  return unwrap(await client.mutation(operation.document, operation.variables));
}

/** A connection, which is null only beside an error, and of answers with errors none is given. */
export function present<Page>(page: Page | null): Page {
  if (page === null) throw new RequestFailed(strings.errors.failed);
  return page;
}

interface Result<Data> {
  data?: Data | undefined;
  error?: { networkError?: Error; message: string; response?: unknown } | undefined;
}

function unwrap<Data>({ data, error }: Result<Data>): Data {
  if (data !== undefined && !error) return data;
  if (error?.response instanceof Response && asksToSignIn(error.response)) {
    connection.set("signedOut");
  }
  const unreached = error?.networkError !== undefined;
  throw new RequestFailed(unreached ? strings.errors.unreachable : strings.errors.failed);
}
