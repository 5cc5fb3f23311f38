import { memo, useState } from "react";
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
  const { id, title, updatedAt, activeRunId } = conversation;
  if (renaming) {
    return (
      <li>
        <RenameForm conversation={conversation} onDone={() => setRenaming(false)} />
      </li>
    );
  }
  return (
    <li className="sidebar-row">
      <NavLink to={`/c/${encodeURIComponent(id)}`} title={formatDateTime(updatedAt)}>
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
