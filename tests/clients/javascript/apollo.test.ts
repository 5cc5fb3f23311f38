import { CombinedGraphQLErrors } from "@apollo/client";
import { openApollo } from "./apollo.ts";
import { keepsCacheCurrent } from "./caching.ts";
import { held, present, type CachingClient } from "./client.ts";
import { codeOf } from "./followed.ts";
import * as documents from "./generated/documents.ts";
import { keepsPromises } from "./promises.ts";
import { openSocket } from "./socket.ts";

function open(through: string): CachingClient {
  const socket = openSocket(through);
  const apollo = openApollo(socket);
  return {
    async create(title) {
      const { data } = await apollo.mutate({
        mutation: documents.CreateConversationDocument,
        variables: { input: { title } },
      });
      return present(data?.createConversation.conversation).id;
    },
    async snapshot(id) {
      const { data } = await apollo.query({
        query: documents.ConversationDocument,
        variables: { id },
        fetchPolicy: "network-only",
      });
      return present(data?.conversation);
    },
    async rename(conversationId, title) {
      const { data } = await apollo.mutate({
        mutation: documents.UpdateConversationDocument,
        variables: { input: { conversationId, title } },
      });
      return present(data).updateConversation.errors;
    },
    async send(conversationId, text) {
      const { data } = await apollo.mutate({
        mutation: documents.SendMessageDocument,
        variables: { input: { target: { conversationId }, text } },
      });
      return present(data?.sendMessage.eventCursor);
    },
    async refusalOfPage(first) {
      try {
        await apollo.query({
          query: documents.ConversationsDocument,
          variables: { first },
          fetchPolicy: "network-only",
        });
      } catch (error) {
        return codeOfCombined(error);
      }
      return undefined;
    },
    follow(id, after, received, failed) {
      const events = apollo.subscribe({
        query: documents.EventsDocument,
        variables: { id, after },
      });
      const subscription = events.subscribe(({ data, error }) => {
        if (error) failed(codeOfCombined(error));
        else if (data) received(data.conversationEvents);
      });
      return () => subscription.unsubscribe();
    },
    watch(id, show) {
      const query = apollo.watchQuery({
        query: documents.ConversationDocument,
        variables: { id },
      });
      const subscription = query.subscribe(({ data, dataState }) => {
        if (dataState === "complete") show(data.conversation);
      });
      return () => subscription.unsubscribe();
    },
    async loadTwoPages(first) {
      const query = documents.ConversationsDocument;
      const pages = apollo.watchQuery({ query, variables: { first } });
      const shown = pages.subscribe(() => undefined);
      const { data } = await pages.refetch();
      const after = present(data?.viewer.conversations).pageInfo.endCursor;
      await pages.fetchMore({ variables: { after } });
      shown.unsubscribe();
      const list = apollo.readQuery({ query, variables: { first } });
      return present(list?.viewer.conversations).edges.map((edge) => edge.node.title);
    },
    close() {
      apollo.stop();
      void socket.dispose();
    },
  };
}

function codeOfCombined(error: unknown): unknown {
  if (!CombinedGraphQLErrors.is(error)) throw error;
  return codeOf(error.errors);
}

const holder = held(open);
keepsPromises(holder);
keepsCacheCurrent(holder);
