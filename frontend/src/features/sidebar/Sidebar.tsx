import { Plus, Terminal, X } from "lucide-react";
import { Link } from "react-router";
import { drawerOpen } from "../../app/drawer";
import { strings } from "../../shared/strings";
import { useObservable } from "../../shared/useObservable";
import { listStore } from "../../state/listStore";
import { ConversationGroups } from "./ConversationGroups";

/** The viewer's conversations. */
export function Sidebar() {
  const state = useObservable(listStore.state);
  return (
    <nav aria-label={strings.sidebar.label} className="sidebar">
      <div className="flex items-center gap-2 px-4 pt-4 pb-3">
        <Terminal aria-hidden className="size-5 text-accent" />
        <span className="flex-1 font-semibold tracking-tight">{strings.app}</span>
        <button
          type="button"
          className="button-icon md:hidden"
          aria-label={strings.sidebar.close}
          onClick={() => drawerOpen.set(false)}
        >
          <X aria-hidden className="size-5" />
        </button>
      </div>
      <div className="px-3 pb-3">
        <Link to="/" className="button-outline w-full">
          <Plus aria-hidden className="size-4" />
          {strings.newChat}
        </Link>
      </div>
      {state.phase === "loading" && <p className="note px-4">{strings.loading}</p>}
      {state.phase === "failed" && (
        <div className="px-4">
          <p role="alert" className="note">
            {strings.sidebar.failed}
          </p>
          <button
            type="button"
            className="button-outline mt-2"
            onClick={() => void listStore.load()}
          >
            {strings.retry}
          </button>
        </div>
      )}
      {state.phase === "ready" && <ConversationGroups list={state.list} />}
    </nav>
  );
}
