import {
  ConversationFields,
  KernelFields,
  ListedFields,
  MessageFields,
  RunFields,
} from "./fragments";
import { graphql, type ResultOf } from "./gql";

/** Everything that is shown of a conversation, as of its `eventCursor`. */
export const ConversationQuery = graphql(
  `
    query Conversation($id: ID!, $last: Int!) {
      conversation(id: $id) {
        ...ConversationFields
        eventCursor
        messages(last: $last) {
          nodes {
            ...MessageFields
          }
          pageInfo {
            hasPreviousPage
            startCursor
          }
        }
        activeRun {
          ...RunFields
        }
        kernel {
          ...KernelFields
        }
      }
    }
  `,
  [ConversationFields, MessageFields, RunFields, KernelFields],
);

/** Who is signed in. */
export const ViewerQuery = graphql(`
  query Viewer {
    viewer {
      id
    }
  }
`);

export const EarlierMessagesQuery = graphql(
  `
    query EarlierMessages($id: ID!, $last: Int!, $before: String!) {
      conversation(id: $id) {
        messages(last: $last, before: $before) {
          nodes {
            ...MessageFields
          }
          pageInfo {
            hasPreviousPage
            startCursor
          }
        }
      }
    }
  `,
  [MessageFields],
);

/** A page of the viewer's conversations, newest first, as of their `eventCursor`, and who they are. */
export const ConversationsQuery = graphql(
  `
    query Conversations($first: Int!, $after: String) {
      viewer {
        id
        displayName
        email
        eventCursor
        conversations(first: $first, after: $after) {
          nodes {
            ...ListedFields
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
      server {
        signOutUrl
      }
    }
  `,
  [ListedFields],
);

export type ConversationSnapshot = NonNullable<ResultOf<typeof ConversationQuery>["conversation"]>;
export type MessagePage = NonNullable<ConversationSnapshot["messages"]>;
export type ConversationsPage = NonNullable<
  ResultOf<typeof ConversationsQuery>["viewer"]["conversations"]
>;
