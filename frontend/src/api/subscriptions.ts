import {
  CellFields,
  ConversationFields,
  KernelFields,
  ListedFields,
  MessageFields,
  OutputFields,
  RunFields,
} from "./fragments";
import { graphql, type ResultOf, type VariablesOf } from "./gql";

export const ConversationEvents = graphql(
  `
    subscription ConversationEvents($conversationId: ID!, $after: String) {
      conversationEvents(conversationId: $conversationId, after: $after) {
        __typename
        cursor
        ... on ConversationChangedEvent {
          conversation {
            ...ConversationFields
          }
        }
        ... on MessageChangedEvent {
          message {
            ...MessageFields
          }
        }
        ... on TextDeltaEvent {
          messageId
          partIndex
          revision
          reasoning
          offset
          text
        }
        ... on CodeDeltaEvent {
          cellId
          revision
          offset
          text
        }
        ... on RunChangedEvent {
          run {
            ...RunFields
          }
        }
        ... on CellChangedEvent {
          messageId
          partIndex
          cell {
            ...CellFields
          }
        }
        ... on OutputChangedEvent {
          cellId
          revision
          output {
            ...OutputFields
          }
        }
        ... on StreamDeltaEvent {
          cellId
          revision
          outputIndex
          offset
          text
        }
        ... on OutputsClearedEvent {
          cellId
          revision
        }
        ... on KernelChangedEvent {
          kernel {
            ...KernelFields
          }
        }
      }
    }
  `,
  [ConversationFields, MessageFields, RunFields, CellFields, OutputFields, KernelFields],
);

export const ViewerEvents = graphql(
  `
    subscription ViewerEvents($after: String) {
      viewerEvents(after: $after) {
        __typename
        cursor
        conversationId
        ... on ConversationChangedEvent {
          conversation {
            ...ListedFields
          }
        }
        ... on RunChangedEvent {
          run {
            id
            status
          }
        }
      }
    }
  `,
  [ListedFields],
);

export type ConversationEvent = ResultOf<typeof ConversationEvents>["conversationEvents"];
export type ConversationEventsVariables = VariablesOf<typeof ConversationEvents>;
export type ViewerEvent = ResultOf<typeof ViewerEvents>["viewerEvents"];
export type ViewerEventsVariables = VariablesOf<typeof ViewerEvents>;
