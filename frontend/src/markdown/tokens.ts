import type { MarkedToken, Token } from "marked";

/** Without extensions, every token is one of marked's own: the catch-all `Generic` never occurs. */
export function asMarked(token: Token): MarkedToken {
  return token as MarkedToken;
}

const ENTITIES: Record<string, string> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#39;": "'",
};

/** marked escapes what it puts into HTML; React does that itself. */
export function unescapeHtml(text: string): string {
  return text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] ?? entity);
}

/** The address if following it can do no harm, else null. */
export function safeHref(href: string): string | null {
  return /^(?:https?:|mailto:|#|\/(?!\/))/i.test(href) ? href : null;
}
