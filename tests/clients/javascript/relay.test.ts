import assert from "node:assert/strict";
import { test } from "node:test";
import {
  commitMutation,
  createOperationDescriptor,
  fetchQuery,
  getRequest,
  getSingularSelector,
  requestSubscription,
  type Environment,
  type GraphQLTaggedNode,
  type MutationParameters,
} from "relay-runtime";
import { keepsCacheCurrent } from "./caching.ts";
import { held, present, type CachingClient } from "./client.ts";
import { codeOf } from "./followed.ts";
import Create, {
  type ConversationsCreateMutation,
} from "./generated/relay/ConversationsCreateMutation.graphql.ts";
import Events, {
  type ConversationsEventsSubscription,
} from "./generated/relay/ConversationsEventsSubscription.graphql.ts";
import One, {
  type ConversationsOneQuery,
} from "./generated/relay/ConversationsOneQuery.graphql.ts";
import Page, { type ConversationsPage$data } from "./generated/relay/ConversationsPage.graphql.ts";
import PageQuery, {
  type ConversationsPageQuery,
} from "./generated/relay/ConversationsPageQuery.graphql.ts";
import List, { type ConversationsQuery } from "./generated/relay/ConversationsQuery.graphql.ts";
import Rename, {
  type ConversationsRenameMutation,
} from "./generated/relay/ConversationsRenameMutation.graphql.ts";
import Send, {
  type ConversationsSendMutation,
} from "./generated/relay/ConversationsSendMutation.graphql.ts";
import Title from "./generated/relay/ConversationsTitle.graphql.ts";
import TitleQuery, {
  type ConversationsTitleQuery,
} from "./generated/relay/ConversationsTitleQuery.graphql.ts";
import { keepsPromises } from "./promises.ts";
import { openRelay } from "./relay.ts";
import { openSocket } from "./socket.ts";

function open(through: string): CachingClient & { relay: Environment } {
  const socket = openSocket(through);
  let code: unknown;
  const relay = openRelay(socket, (errors) => (code = codeOf(errors)));
  function mutate<Operation extends MutationParameters>(
    mutation: GraphQLTaggedNode,
    input: Operation["variables"]["input"],
  ): Promise<Operation["response"]> {
    return new Promise((resolve, reject) => {
      const variables = { input };
      commitMutation(relay, { mutation, variables, onCompleted: resolve, onError: reject });
    });
  }
  return {
    relay,
    async create(title) {
      const answer = await mutate<ConversationsCreateMutation>(Create, { title });
      return present(answer.createConversation.conversation).id;
    },
    async snapshot(id) {
      const answer = await fetchQuery<ConversationsOneQuery>(relay, One, { id }).toPromise();
      return present(answer?.conversation);
    },
    async rename(conversationId, title) {
      const input = { conversationId, title };
      const answer = await mutate<ConversationsRenameMutation>(Rename, input);
      return answer.updateConversation.errors;
    },
    async send(conversationId, text) {
      const input = { target: { conversationId }, text };
      const answer = await mutate<ConversationsSendMutation>(Send, input);
      return present(answer.sendMessage.eventCursor);
    },
    async refusalOfPage(first) {
      await fetchQuery<ConversationsQuery>(relay, List, { first }).toPromise();
      return code;
    },
    follow(id, after, received, failed) {
      const subscription = requestSubscription<ConversationsEventsSubscription>(relay, {
        subscription: Events,
        variables: { id, after },
        onNext: (answer) => answer && received(answer.conversationEvents),
        onError: (errors) => failed(codeOf(errors)),
      });
      return () => subscription.dispose();
    },
    watch(id, show) {
      const operation = createOperationDescriptor(getRequest(One), { id });
      const retained = relay.retain(operation);
      const snapshot = relay.lookup(operation.fragment);
      const shown = relay.subscribe(snapshot, ({ data }) => {
        show((data as ConversationsOneQuery["response"]).conversation);
      });
      fetchQuery(relay, One, { id }).subscribe({});
      return () => {
        shown.dispose();
        retained.dispose();
      };
    },
    async loadTwoPages(first) {
      const operation = createOperationDescriptor(getRequest(List), { first });
      const retained = relay.retain(operation);
      const answer = await fetchQuery<ConversationsQuery>(relay, List, { first }).toPromise();
      const viewer = present(answer).viewer;
      const selector = present(getSingularSelector(Page, viewer));
      const list = () =>
        present((relay.lookup(selector).data as ConversationsPage$data).conversations);
      const variables = { id: viewer.id, first, after: list().pageInfo.endCursor };
      await fetchQuery<ConversationsPageQuery>(relay, PageQuery, variables).toPromise();
      const titles = list().edges.map((edge) => edge.node.title);
      retained.dispose();
      return titles;
    },
    close: () => void socket.dispose(),
  };
}

const holder = held(open);
keepsPromises(holder);
keepsCacheCurrent(holder);

test("a fragment is fetched again by its object's ID", async () => {
  const { client } = holder;
  const id = await client.create("Primes");
  const answer = await fetchQuery<ConversationsTitleQuery>(client.relay, TitleQuery, {
    id,
  }).toPromise();
  const selector = present(getSingularSelector(Title, answer?.node));
  assert.deepEqual(client.relay.lookup(selector).data, { id, title: "Primes" });
});

test("a connection that is null leaves the rest of the answer", async () => {
  const { relay } = holder.client;
  const variables = { first: 1, after: "nothing" };
  const answer = await fetchQuery<ConversationsQuery>(relay, List, variables).toPromise();
  const selector = present(getSingularSelector(Page, answer?.viewer));
  assert.deepEqual(relay.lookup(selector).data, { conversations: null });
  assert.equal(answer?.viewer.username, "ann");
});
