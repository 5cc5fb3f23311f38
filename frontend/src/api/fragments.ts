import { graphql, type ResultOf } from "./gql";

/** All fragments are unmasked: the state's reducer needs their fields, not only the components. */

export const OutputFields = graphql(`
  fragment OutputFields on Output @_unmask {
    __typename
    id
    index
    truncated
    download {
      url
      filename
      mediaType
    }
    ... on StreamOutput {
      name
      text
    }
    ... on DisplayOutput {
      representations {
        mediaType
        text
        url
        byteSize
      }
    }
    ... on ResultOutput {
      executionCount
      representations {
        mediaType
        text
        url
        byteSize
      }
    }
    ... on ErrorOutput {
      ename
      evalue
      traceback
    }
  }
`);

export const CellFields = graphql(
  `
    fragment CellFields on Cell @_unmask {
      id
      language
      source
      status
      executionCount
      revision
      startedAt
      completedAt
      outputs {
        ...OutputFields
      }
    }
  `,
  [OutputFields],
);

export const MessageFields = graphql(
  `
    fragment MessageFields on Message @_unmask {
      id
      role
      status
      createdAt
      parent {
        id
      }
      parts {
        __typename
        index
        ... on TextPart {
          text
          revision
        }
        ... on ReasoningPart {
          text
          revision
        }
        ... on CellPart {
          cell {
            ...CellFields
          }
        }
        ... on ErrorPart {
          error {
            code
            message
            retryable
          }
        }
      }
    }
  `,
  [CellFields],
);

export const RunFields = graphql(`
  fragment RunFields on Run @_unmask {
    id
    status
    phase
    error {
      code
      message
      retryable
    }
    message {
      id
    }
  }
`);

export const KernelFields = graphql(`
  fragment KernelFields on Kernel @_unmask {
    id
    status
    name
    generation
  }
`);

export const ConversationFields = graphql(`
  fragment ConversationFields on Conversation @_unmask {
    id
    title
    createdAt
    updatedAt
  }
`);

export const ListedFields = graphql(
  `
    fragment ListedFields on Conversation @_unmask {
      ...ConversationFields
      pinned
      activeRun {
        id
      }
    }
  `,
  [ConversationFields],
);

export type OutputData = ResultOf<typeof OutputFields>;
export type CellData = ResultOf<typeof CellFields>;
export type MessageData = ResultOf<typeof MessageFields>;
export type RunData = ResultOf<typeof RunFields>;
export type KernelData = ResultOf<typeof KernelFields>;
export type ConversationData = ResultOf<typeof ConversationFields>;
export type ListedData = ResultOf<typeof ListedFields>;
export type RunErrorData = NonNullable<RunData["error"]>;
