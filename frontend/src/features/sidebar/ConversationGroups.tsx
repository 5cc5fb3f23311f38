import { strings } from "../../shared/strings";
import type { ConversationList } from "../../state/list";
import { listStore } from "../../state/listStore";
import { ConversationRow } from "./ConversationRow";
import { grouped } from "./groups";
import { LoadMore } from "./LoadMore";

export function ConversationGroups({ list }: { list: ConversationList }) {
  if (list.conversations.length === 0) return <p className="note px-4">{strings.sidebar.empty}</p>;
  return (
    <div className="min-h-0 flex-1 overflow-y-auto px-2 pb-4">
      {grouped(list.conversations, new Date()).map(({ group, conversations }) => (
        <section key={group}>
          <h2 className="sidebar-heading">{strings.sidebar.groups[group]}</h2>
          <ul>
            {conversations.map((conversation) => (
              <ConversationRow key={conversation.id} conversation={conversation} />
            ))}
          </ul>
        </section>
      ))}
      {list.older !== null && <LoadMore key={list.older} onLoad={listStore.loadOlder} />}
    </div>
  );
}
