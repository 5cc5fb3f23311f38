import { ConversationFields, MessageFields, RunFields } from "./fragments";
import { graphql, type ResultOf } from "./gql";

const ErrorFields = graphql(`
  fragment ErrorFields on UserError @_unmask {
    __typename
    code
    message
  }
`);

export const SendMessage = graphql(
  `
    mutation SendMessage($input: SendMessageInput!) {
      sendMessage(input: $input) {
        message {
          ...MessageFields
        }
        run {
          ...RunFields
        }
        conversation {
          ...ConversationFields
        }
        eventCursor
        errors {
          ...ErrorFields
        }
      }
    }
  `,
  [MessageFields, RunFields, ConversationFields, ErrorFields],
);

export const RegenerateMessage = graphql(
  `
    mutation RegenerateMessage($input: RegenerateMessageInput!) {
      regenerateMessage(input: $input) {
        run {
          ...RunFields
        }
        errors {
          ...ErrorFields
        }
      }
    }
  `,
  [RunFields, ErrorFields],
);

export const CancelRun = graphql(
  `
    mutation CancelRun($input: CancelRunInput!) {
      cancelRun(input: $input) {
        errors {
          ...ErrorFields
        }
      }
    }
  `,
  [ErrorFields],
);

export const RenameConversation = graphql(
  `
    mutation RenameConversation($input: UpdateConversationInput!) {
      updateConversation(input: $input) {
        conversation {
          ...ConversationFields
        }
        errors {
          ...ErrorFields
        }
      }
    }
  `,
  [ConversationFields, ErrorFields],
);

export const DeleteConversations = graphql(
  `
    mutation DeleteConversations($input: DeleteConversationsInput!) {
      deleteConversations(input: $input) {
        deletedConversationIds
        errors {
          ...ErrorFields
        }
      }
    }
  `,
  [ErrorFields],
);

export const InterruptKernel = graphql(
  `
    mutation InterruptKernel($input: InterruptKernelInput!) {
      interruptKernel(input: $input) {
        errors {
          ...ErrorFields
        }
      }
    }
  `,
  [ErrorFields],
);

export const RestartKernel = graphql(
  `
    mutation RestartKernel($input: RestartKernelInput!) {
      restartKernel(input: $input) {
        errors {
          ...ErrorFields
        }
      }
    }
  `,
  [ErrorFields],
);

export const ShutdownKernel = graphql(
  `
    mutation ShutdownKernel($input: ShutdownKernelInput!) {
      shutdownKernel(input: $input) {
        errors {
          ...ErrorFields
        }
      }
    }
  `,
  [ErrorFields],
);

export type UserErrorData = ResultOf<typeof ErrorFields>;
export type SendPayload = ResultOf<typeof SendMessage>["sendMessage"];
