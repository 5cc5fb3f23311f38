import type { ListedConversation } from "../../state/list";

export type Group = "pinned" | "today" | "yesterday" | "week" | "older";

interface Grouped {
  group: Group;
  conversations: readonly ListedConversation[];
}

const ORDER: readonly Group[] = ["pinned", "today", "yesterday", "week", "older"];

/** Pinned ones, then others by the day of their last change, in the person's own time zone. */
export function grouped(conversations: readonly ListedConversation[], now: Date): Grouped[] {
  return ORDER.map((group) => ({
    group,
    conversations: conversations.filter(
      ({ pinned, updatedAt }) =>
        (pinned ? "pinned" : groupOf(new Date(updatedAt), now)) === group,
    ),
  })).filter((it) => it.conversations.length > 0);
}

function groupOf(date: Date, now: Date): Group {
  if (date >= daysBefore(now, 0)) return "today";
  if (date >= daysBefore(now, 1)) return "yesterday";
  return date >= daysBefore(now, 7) ? "week" : "older";
}

/** The beginning of the day so many days before. */
function daysBefore(now: Date, days: number): Date {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() - days);
}
