import { store, stored } from "../shared/storage";

/** What was typed and not sent yet, one text a conversation. */
export function draft(conversationId: string): string {
  return stored(`draft.${conversationId}`) ?? "";
}

export function keepDraft(conversationId: string, text: string): void {
  store(`draft.${conversationId}`, text);
}

/** What was typed while a conversation was created goes with it. */
export function moveDraft(from: string, to: string): void {
  keepDraft(to, draft(from));
  keepDraft(from, "");
}
