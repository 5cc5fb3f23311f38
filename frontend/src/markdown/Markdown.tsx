import { memo, useState } from "react";
import { BlockView } from "./BlockView";
import { IncrementalLexer } from "./blocks";

interface Props {
  text: string;
  /** Whether more text may come. */
  streaming?: boolean;
}

/** Text in Markdown. Raw HTML is shown as it is written, and nothing is loaded from elsewhere. */
export const Markdown = memo(function Markdown({ text, streaming = false }: Props) {
  const [lexer] = useState(() => new IncrementalLexer());
  const blocks = lexer.update(text);
  const last = blocks.length - 1;
  return (
    <div className="markdown" dir="auto">
      {blocks.map(({ key, token }, index) => (
        <BlockView key={key} token={token} streaming={streaming && index >= last - 1} />
      ))}
    </div>
  );
});
