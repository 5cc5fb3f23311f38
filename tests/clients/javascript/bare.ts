// A client of graphql-ws or graphql-sse alone: all operations over what it connects with.

import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import { present, type ClientUnderTest } from "./client.ts";
import { codeOf } from "./followed.ts";
import * as documents from "./generated/documents.ts";

export interface Request {
  query: string;
  variables: Record<string, unknown>;
}

export interface Answer<Data> {
  data?: Data | null;
  errors?: readonly unknown[];
}

export interface Sink<Data> {
  next(answer: Answer<Data>): void;
  error(error: unknown): void;
  complete(): void;
}

/** What both libraries have. */
export interface Bare {
  subscribe<Data>(request: Request, sink: Sink<Data>): () => void;
  dispose(): unknown;
}

export function openBare(bare: Bare): ClientUnderTest {
  function ask<Data, Variables extends Record<string, unknown>>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
  ): Promise<Answer<Data>> {
    return new Promise((resolve, reject) => {
      const request = { query: print(document), variables };
      bare.subscribe<Data>(request, { next: resolve, error: reject, complete: () => undefined });
    });
  }
  return {
    async create(title) {
      const input = { title };
      const { data } = await ask(documents.CreateConversationDocument, { input });
      return present(data?.createConversation.conversation).id;
    },
    async snapshot(id) {
      const { data } = await ask(documents.ConversationDocument, { id });
      return present(data?.conversation);
    },
    async rename(conversationId, title) {
      const input = { conversationId, title };
      const { data } = await ask(documents.UpdateConversationDocument, { input });
      return present(data).updateConversation.errors;
    },
    async send(conversationId, text) {
      const input = { target: { conversationId }, text };
      const { data } = await ask(documents.SendMessageDocument, { input });
      return present(data?.sendMessage.eventCursor);
    },
    async refusalOfPage(first) {
      const { errors } = await ask(documents.ConversationsDocument, { first });
      return errors && codeOf(errors);
    },
    follow(id, after, received, failed) {
      const request = { query: print(documents.EventsDocument), variables: { id, after } };
      return bare.subscribe<documents.EventsSubscription>(request, {
        next({ data, errors }) {
          if (errors) failed(codeOf(errors));
          else if (data) received(data.conversationEvents);
        },
        error: (errors) => failed(codeOf(errors)),
        complete: () => undefined,
      });
    },
    close: () => void bare.dispose(),
  };
}
