import type { Tokens } from "marked";
import { BlockView } from "./BlockView";

interface Props {
  list: Tokens.List;
  streaming: boolean;
}

export function ListBlock({ list, streaming }: Props) {
  const items = list.items.map((item, index) => (
    <ListItem key={index} item={item} streaming={streaming} />
  ));
  if (!list.ordered) return <ul>{items}</ul>;
  return <ol start={typeof list.start === "number" ? list.start : 1}>{items}</ol>;
}

function ListItem({ item, streaming }: { item: Tokens.ListItem; streaming: boolean }) {
  return (
    <li>
      {item.task && (
        <input type="checkbox" checked={item.checked ?? false} readOnly disabled className="me-2" />
      )}
      {item.tokens
        .filter((token) => token.type !== "checkbox")
        .map((token, index) => (
          <BlockView key={index} token={token} streaming={streaming} />
        ))}
    </li>
  );
}
