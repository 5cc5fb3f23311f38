// Operations for Relay's compiler. In an application they stand in its components, where a plugin
// for Babel or Vite puts what was compiled in their place; the tests import that themselves.

import { graphql } from "relay-runtime";

void graphql`
  query ConversationsOneQuery($id: ID!) {
    conversation(id: $id) {
      title
      eventCursor
      kernel {
        status
      }
    }
  }
`;

void graphql`
  fragment ConversationsTitle on Conversation @refetchable(queryName: "ConversationsTitleQuery") {
    title
  }
`;

void graphql`
  query ConversationsQuery($first: Int, $after: String) {
    viewer {
      id
      username
      ...ConversationsPage @arguments(first: $first, after: $after)
    }
  }
`;

void graphql`
  fragment ConversationsPage on Viewer
  @argumentDefinitions(first: { type: "Int" }, after: { type: "String" })
  @refetchable(queryName: "ConversationsPageQuery") {
    conversations(first: $first, after: $after)
      @connection(key: "ConversationsPage_conversations") {
      edges {
        node {
          title
        }
      }
      pageInfo {
        endCursor
      }
    }
  }
`;

void graphql`
  mutation ConversationsCreateMutation($input: CreateConversationInput!) {
    createConversation(input: $input) {
      conversation {
        id
      }
    }
  }
`;

void graphql`
  mutation ConversationsRenameMutation($input: UpdateConversationInput!) {
    updateConversation(input: $input) {
      conversation {
        title
      }
      errors {
        __typename
        code
        path
      }
    }
  }
`;

void graphql`
  mutation ConversationsSendMutation($input: SendMessageInput!) {
    sendMessage(input: $input) {
      eventCursor
    }
  }
`;

void graphql`
  subscription ConversationsEventsSubscription($id: ID!, $after: String) {
    conversationEvents(conversationId: $id, after: $after) {
      __typename
      cursor
      ... on TextDeltaEvent {
        offset
        text
      }
      ... on ConversationChangedEvent {
        conversation {
          title
        }
      }
      ... on RunChangedEvent {
        run {
          status
        }
      }
      ... on KernelChangedEvent {
        kernel {
          status
          conversation {
            kernel {
              id
            }
          }
        }
      }
    }
  }
`;
