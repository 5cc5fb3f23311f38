import { keepsCacheCurrent } from "./caching.ts";
import { held, present, type CachingClient } from "./client.ts";
import { codeOf } from "./followed.ts";
import * as documents from "./generated/documents.ts";
import { keepsPromises } from "./promises.ts";
import { openSocket } from "./socket.ts";
import { openUrql } from "./urql.ts";

function open(through: string): CachingClient {
  const socket = openSocket(through);
  const urql = openUrql(socket);
  return {
    async create(title) {
      const input = { title };
      const { data } = await urql.mutation(documents.CreateConversationDocument, { input });
      return present(data?.createConversation.conversation).id;
    },
    async snapshot(id) {
      const options = { requestPolicy: "network-only" } as const;
      const { data } = await urql.query(documents.ConversationDocument, { id }, options);
      return present(data?.conversation);
    },
    async rename(conversationId, title) {
      const input = { conversationId, title };
      const { data } = await urql.mutation(documents.UpdateConversationDocument, { input });
      return present(data).updateConversation.errors;
    },
    async send(conversationId, text) {
      const input = { target: { conversationId }, text };
      const { data } = await urql.mutation(documents.SendMessageDocument, { input });
      return present(data?.sendMessage.eventCursor);
    },
    async refusalOfPage(first) {
      const { error } = await urql.query(documents.ConversationsDocument, { first });
      return error && codeOf(error.graphQLErrors);
    },
    follow(id, after, received, failed) {
      const events = urql.subscription(documents.EventsDocument, { id, after });
      const { unsubscribe } = events.subscribe(({ data, error }) => {
        if (error) failed(codeOf(error.graphQLErrors));
        else if (data) received(data.conversationEvents);
      });
      return unsubscribe;
    },
    watch(id, show) {
      const query = urql.query(documents.ConversationDocument, { id });
      const { unsubscribe } = query.subscribe(({ data }) => show(data?.conversation));
      return unsubscribe;
    },
    async loadTwoPages(first) {
      const options = { requestPolicy: "network-only" } as const;
      const page = await urql.query(documents.ConversationsDocument, { first }, options);
      const after = present(page.data?.viewer.conversations).pageInfo.endCursor;
      await urql.query(documents.ConversationsDocument, { first, after });
      const list = await urql.query(documents.ConversationsDocument, { first });
      return present(list.data?.viewer.conversations).edges.map((edge) => edge.node.title);
    },
    close: () => void socket.dispose(),
  };
}

const holder = held(open);
keepsPromises(holder);
keepsCacheCurrent(holder);
