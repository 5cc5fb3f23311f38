// The server that a program is run against, with `fetch` and `WebSocket` as a browser has them
// behind a proxy that signs users in: each request says who the user is.

import assert from "node:assert/strict";
import WebSocket from "ws";

export const url = `${required("PYBOT_URL")}/graphql`;
const headers = { "X-Forwarded-User": required("PYBOT_USER") };

/** A conversation, and a cursor before the first event that its log still has. */
export const expired = {
  conversationId: required("PYBOT_TRIMMED_CONVERSATION"),
  cursor: required("PYBOT_EXPIRED_CURSOR"),
};

const plainFetch = globalThis.fetch;

globalThis.fetch = (input, init) => {
  const all = new Headers(init?.headers);
  for (const [name, value] of Object.entries(headers)) all.set(name, value);
  return plainFetch(input, { ...init, headers: all });
};

class SignedInWebSocket extends WebSocket {
  constructor(address: string, protocols?: string | string[]) {
    super(address, protocols, { headers });
  }
}

Object.assign(globalThis, { WebSocket: SignedInWebSocket });

/** Rename a conversation as another client of the same user would. */
export async function renameElsewhere(conversationId: string, title: string): Promise<void> {
  const query = `mutation Rename($input: UpdateConversationInput!) {
    updateConversation(input: $input) { errors { message } }
  }`;
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables: { input: { conversationId, title } } }),
  });
  const { data } = (await response.json()) as { data: unknown };
  assert.deepEqual(data, { updateConversation: { errors: [] } });
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}
