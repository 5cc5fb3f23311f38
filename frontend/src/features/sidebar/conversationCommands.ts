import { mutate } from "../../api/client";
import { DeleteConversations, RenameConversation } from "../../api/mutations";
import { strings } from "../../shared/strings";
import { toast } from "../../shared/toasts";

/** What they change arrives as events; only failures are shown here. */

export function renameConversation(conversationId: string, title: string): void {
  const variables = { input: { conversationId, title } };
  mutate({ document: RenameConversation, variables }).then(
    ({ updateConversation }) => tellFirst(updateConversation.errors),
    tellFailure,
  );
}

export function deleteConversation(id: string): void {
  const variables = { input: { conversationIds: [id] } };
  mutate({ document: DeleteConversations, variables }).then(
    ({ deleteConversations }) => tellFirst(deleteConversations.errors),
    tellFailure,
  );
}

function tellFirst(errors: readonly { message: string }[]): void {
  const [error] = errors;
  if (error) toast(error.message, "error");
}

function tellFailure(error: unknown): void {
  toast(error instanceof Error ? error.message : strings.errors.failed, "error");
}
