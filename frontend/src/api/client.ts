import { Client, fetchExchange, type AnyVariables, type TypedDocumentNode } from "urql";
import { strings } from "../shared/strings";
import { connection } from "./socket";

/** No cache: what is shown lives in `state/`, as of a cursor. */
const client = new Client({ url: "/graphql", preferGetMethod: false, exchanges: [fetchExchange] });

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

interface Result<Data> {
  data?: Data | undefined;
  error?: { networkError?: Error; message: string; response?: unknown } | undefined;
}

function unwrap<Data>({ data, error }: Result<Data>): Data {
  if (data !== undefined && !error) return data;
  if (error?.response instanceof Response && error.response.status === 401) {
    connection.set("signedOut");
  }
  const unreached = error?.networkError !== undefined;
  throw new RequestFailed(unreached ? strings.errors.unreachable : strings.errors.failed);
}
