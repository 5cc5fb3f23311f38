import { memo, useMemo } from "react";
import { pieces } from "./pieces";
import { useHighlight } from "./useHighlight";

interface Props {
  code: string;
  language: string;
}

/** Code in colours. While it grows, only its last piece is highlighted again. */
export const HighlightedCode = memo(function HighlightedCode({ code, language }: Props) {
  const parts = useMemo(() => pieces(code), [code]);
  return (
    <code>
      {parts.map((part, index) => (
        <Piece key={index} code={part} language={language} />
      ))}
    </code>
  );
});

const Piece = memo(function Piece({ code, language }: Props) {
  const highlight = useHighlight();
  const html = useMemo(() => highlight?.(code, language) ?? null, [highlight, code, language]);
  if (html === null) return <span>{code}</span>;
  // highlight.js escapes the code; only its own <span class> elements are HTML.
  return <span dangerouslySetInnerHTML={{ __html: html }} />;
});
