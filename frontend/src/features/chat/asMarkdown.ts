import type { MessageView, PartView } from "../../state/types";

/** A message's text and code in Markdown. */
export function asMarkdown(message: MessageView): string {
  return message.parts.map(partMarkdown).filter(Boolean).join("\n\n");
}

function partMarkdown(part: PartView): string {
  switch (part.kind) {
    case "text":
      return part.content.text.trim();
    case "cell":
      return `\`\`\`${part.cell.language}\n${part.cell.source.text.trimEnd()}\n\`\`\``;
    case "reasoning":
    case "error":
      return "";
  }
}
