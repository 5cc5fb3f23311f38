/**
 * What the page begins with, one tab each: a query, a mutation and a subscription. None has
 * variables: GraphiQL stores those later than the text, and on a reload between shows a tab twice.
 */
export const examples = [
  {
    query: `# Your conversations, as of the event cursor.
query Conversations($first: Int = 10) {
  viewer {
    displayName
    eventCursor
    conversations(first: $first) {
      nodes {
        id
        title
        updatedAt
      }
    }
  }
}
`,
  },
  {
    query: `# Asks in a new conversation. The subscription, in
# another window, shows what comes of it.
mutation Ask($text: String! = "Plot a sine wave") {
  sendMessage(input: { target: { newConversation: {} }, text: $text }) {
    conversation {
      id
    }
    run {
      id
      status
    }
    eventCursor
    errors {
      message
    }
  }
}
`,
  },
  {
    query: `# What happens to your conversations from now on,
# or since the event cursor of the first tab.
subscription Follow($after: String) {
  viewerEvents(after: $after) {
    __typename
    conversationId
    occurredAt
    cursor
  }
}
`,
  },
];
