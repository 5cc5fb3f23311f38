// Apollo Client with a cache that events keep current.

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import type { Client } from "graphql-ws";
import { OperationTypeNode } from "graphql";
import { possibleTypes } from "./schema.ts";
import { url } from "./server.ts";

export function openApollo(socket: Client): ApolloClient {
  return new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(socket),
      new HttpLink({ uri: url }),
    ),
    cache: new InMemoryCache({
      possibleTypes,
      typePolicies: {
        Viewer: { fields: { conversations: relayStylePagination() } },
        Conversation: { fields: { messages: relayStylePagination(["through"]) } },
      },
    }),
  });
}
