import { memo, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { NavLink } from "react-router";
import { formatDateTime } from "../../shared/format";
import { strings } from "../../shared/strings";
import type { ListedConversation } from "../../state/list";
import { RenameForm } from "./RenameForm";
import { RowMenu } from "./RowMenu";

interface Props {
  conversation: ListedConversation;
}

export const ConversationRow = memo(function ConversationRow({ conversation }: Props) {
  const [renaming, setRenaming] = useState(false);
  const link = useRef<HTMLAnchorElement>(null);
  const { id, title, updatedAt, activeRunId } = conversation;
  const onRenamed = (byKey: boolean) => {
    // The link takes the focus, so it has to be there by then.
    flushSync(() => setRenaming(false));
    if (byKey) link.current?.focus();
  };
  if (renaming) {
    return (
      <li>
        <RenameForm conversation={conversation} onDone={onRenamed} />
      </li>
    );
  }
  return (
    <li className="sidebar-row">
      <NavLink ref={link} to={`/c/${encodeURIComponent(id)}`} title={formatDateTime(updatedAt)}>
        <span className="truncate" dir="auto">
          {title}
        </span>
        {activeRunId !== null && (
          <span role="img" aria-label={strings.sidebar.generating} className="generating-dot" />
        )}
      </NavLink>
      <RowMenu conversation={conversation} onRename={() => setRenaming(true)} />
    </li>
  );
});
