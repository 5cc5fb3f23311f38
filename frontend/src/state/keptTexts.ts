import { query } from "../api/client";
import { ViewerQuery } from "../api/queries";
import { onStoredElsewhere, store, stored, storedKeys } from "../shared/storage";

/** Where it is kept whose drafts and unsent messages this browser keeps. */
const OWNER = "viewer";

/** For whom this tab was loaded; null until the server has said it. */
let owner: string | null = null;

function keptTexts(): string[] {
  return storedKeys().filter((key) => key !== OWNER);
}

/** What is typed from now on is this person's. */
export function keepTextsOf(viewerId: string): void {
  owner = viewerId;
  store(OWNER, viewerId);
}

/** Forgets the texts of whoever was signed in here before; to be awaited before any is shown. */
export async function forgetTextsOfOthers(): Promise<void> {
  if (keptTexts().length === 0) return;
  try {
    const { viewer } = await query({ document: ViewerQuery, variables: {} });
    if (stored(OWNER) === viewer.id) return;
    for (const key of keptTexts()) store(key, null);
  } catch {
    // Without an answer nobody else is known to be here, and what was not sent is not lost.
  }
}

/** Calls back once another tab finds somebody else signed in: this one's requests are theirs too. */
export function onOtherOwner(callback: () => void): void {
  onStoredElsewhere(OWNER, (viewerId) => {
    if (owner !== null && viewerId !== null && viewerId !== owner) callback();
  });
}
