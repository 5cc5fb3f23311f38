import type { Token, Tokens } from "marked";
import { memo, type ReactNode } from "react";
import { CodeBlock } from "./CodeBlock";
import { Inline } from "./Inline";
import { ListBlock } from "./ListBlock";
import { TableBlock } from "./TableBlock";
import { asMarked } from "./tokens";

interface Props {
  token: Token;
  streaming: boolean;
}

/** A block of Markdown; rendered again only when its text changes. */
export const BlockView = memo(function BlockView({ token: raw, streaming }: Props): ReactNode {
  const token = asMarked(raw);
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "paragraph":
      return (
        <p>
          <Inline tokens={token.tokens} />
        </p>
      );
    case "text":
      return <Inline tokens={token.tokens ?? [token]} />;
    case "heading":
      return <Heading heading={token} />;
    case "code":
      return <CodeBlock code={token.text} language={language(token)} streaming={streaming} />;
    case "blockquote":
      return (
        <blockquote>
          {token.tokens.map((child, index) => (
            <BlockView key={index} token={child} streaming={streaming} />
          ))}
        </blockquote>
      );
    case "list":
      return <ListBlock list={token} streaming={streaming} />;
    case "table":
      return <TableBlock table={token} />;
    case "hr":
      return <hr />;
    default:
      return <p className="whitespace-pre-wrap">{token.raw}</p>;
  }
});

function language(token: Tokens.Code): string {
  return token.lang?.split(/\s/)[0]?.toLowerCase() ?? "";
}

const HEADINGS = ["h2", "h3", "h4", "h5", "h6", "h6"] as const;

/** One level lower than written: the page's own heading is the first. */
function Heading({ heading }: { heading: Tokens.Heading }) {
  const Level = HEADINGS[heading.depth - 1] ?? "h6";
  return (
    <Level>
      <Inline tokens={heading.tokens} />
    </Level>
  );
}
