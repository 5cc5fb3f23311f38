import { memo, useMemo } from "react";
import { styledPieces } from "./ansi";

/** Text as a terminal shows it: with colours, and lines overwritten by `\r`. */
export const Ansi = memo(function Ansi({ text }: { text: string }) {
  const pieces = useMemo(() => styledPieces(text), [text]);
  return pieces.map((piece, index) =>
    piece.className ? (
      <span key={index} className={piece.className}>
        {piece.text}
      </span>
    ) : (
      piece.text
    ),
  );
});
