import type { Token } from "marked";
import type { ReactNode } from "react";
import { ExternalLink } from "./ExternalLink";
import { asMarked, unescapeHtml } from "./tokens";

/** Text with emphasis, links and code, but no blocks. */
export function Inline({ tokens }: { tokens: readonly Token[] | undefined }): ReactNode {
  return tokens?.map((token, index) => <InlineToken key={index} token={token} />);
}

function InlineToken({ token: raw }: { token: Token }): ReactNode {
  const token = asMarked(raw);
  switch (token.type) {
    case "text":
      return "tokens" in token ? <Inline tokens={token.tokens} /> : unescapeHtml(token.text);
    case "escape":
      return unescapeHtml(token.text);
    case "strong":
      return (
        <strong>
          <Inline tokens={token.tokens} />
        </strong>
      );
    case "em":
      return (
        <em>
          <Inline tokens={token.tokens} />
        </em>
      );
    case "del":
      return (
        <del>
          <Inline tokens={token.tokens} />
        </del>
      );
    case "codespan":
      return <code>{unescapeHtml(token.text)}</code>;
    case "br":
      return <br />;
    case "link":
      return (
        <ExternalLink href={token.href}>
          <Inline tokens={token.tokens} />
        </ExternalLink>
      );
    case "image":
      // An image from elsewhere would tell that place who reads this, and when.
      return <ExternalLink href={token.href}>{token.text || token.href}</ExternalLink>;
    default:
      return token.raw;
  }
}
