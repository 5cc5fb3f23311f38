import { useEffect } from "react";
import { useParams } from "react-router";
import { NotFound } from "../../app/NotFound";
import { strings } from "../../shared/strings";
import { useObservable } from "../../shared/useObservable";
import { conversationStore } from "../../state/conversations";
import { Chat } from "./Chat";
import { Deleted } from "./Deleted";
import { LoadFailed } from "./LoadFailed";

/** The conversation that the address names. */
export function ConversationPage() {
  const { id = "" } = useParams();
  return <Conversation key={id} id={id} />;
}

function Conversation({ id }: { id: string }) {
  const store = conversationStore(id);
  const state = useObservable(store.state);
  useEffect(() => store.use(), [store]);
  switch (state.phase) {
    case "loading":
      return <Chat id={id} view={null} />;
    case "missing":
      return <NotFound text={strings.notFound.conversation} />;
    case "failed":
      return <LoadFailed message={state.message} onRetry={() => void store.load()} />;
    case "ready":
      if (state.view.deleted) return <Deleted />;
      return <Chat id={id} view={state.view} onLoadEarlier={store.loadEarlier} />;
  }
}
