import { useEffect, useRef } from "react";
import { flushSync } from "react-dom";
import { useNavigate } from "react-router";
import { PageHeader } from "../../app/PageHeader";
import { strings } from "../../shared/strings";
import { useFollow } from "../../shared/useFollow";
import { moveDraft } from "../../state/drafts";
import { NEW, type Outgoing } from "../../state/outbox";
import type { SendOutcome } from "../../state/sending";
import type { ConversationView } from "../../state/types";
import { Composer } from "../composer/Composer";
import { focusBox } from "../composer/useAutoFocus";
import { KernelMenu } from "../kernel/KernelMenu";
import { AnswerStatus } from "./AnswerStatus";
import { EmptyChat } from "./EmptyChat";
import { JumpToLatest } from "./JumpToLatest";
import { MessageList } from "./MessageList";
import { useChat } from "./useChat";
import { useStopKey } from "./useStopKey";

interface Props {
  /** Null for a conversation that its first message will create. */
  id: string | null;
  /** Null while it is loading, or does not exist yet. */
  view: ConversationView | null;
  onLoadEarlier?: () => Promise<void>;
}

/** A conversation: its messages and the composer. */
export function Chat({ id, view, onLoadEarlier }: Props) {
  const chat = useChat(id, view);
  const { scrollRef, contentRef, pinned, toEnd } = useFollow();
  const openCreated = useOpenCreated(id);
  const box = useRef<HTMLTextAreaElement>(null);
  useStopKey(chat.busy, chat.stop);

  const deliver = async (sending: Promise<SendOutcome>) => {
    toEnd();
    const outcome = await sending;
    openCreated(outcome);
    return outcome;
  };
  const send = (text: string) => deliver(chat.send(text));
  const retry = (item: Outgoing) => {
    focusBox(box);
    void deliver(chat.retry(item));
  };
  const regenerate = (messageId: string) => {
    focusBox(box);
    chat.regenerate(messageId);
  };
  const empty = (view?.messages.length ?? 0) === 0 && chat.outgoing.length === 0;
  const loading = id !== null && view === null;

  return (
    <>
      <PageHeader title={view?.conversation.title ?? strings.app}>
        {view && <KernelMenu conversationId={view.conversation.id} kernel={view.kernel} />}
      </PageHeader>
      <div className="relative min-h-0 flex-1">
        <div
          ref={scrollRef}
          role="log"
          aria-label={strings.chat.log}
          aria-live="off"
          tabIndex={0}
          className="chat-log"
        >
          <div ref={contentRef} className="chat-column py-6">
            {empty && !loading && <EmptyChat onSend={(text) => void send(text)} />}
            {!empty && (
              <MessageList
                view={view}
                chat={{ ...chat, regenerate }}
                scrollRef={scrollRef}
                onRetry={retry}
                onLoadEarlier={onLoadEarlier}
              />
            )}
          </div>
        </div>
        {!pinned && <JumpToLatest onClick={toEnd} />}
      </div>
      <div className="chat-column pt-1 pb-4">
        <Composer
          key={id ?? NEW}
          id={id ?? NEW}
          box={box}
          busy={chat.busy}
          onSend={send}
          onStop={chat.stop}
        />
      </div>
      <AnswerStatus busy={chat.busy} canEnd={view !== null} />
    </>
  );
}

/** Goes to the conversation that a message has created, unless the person has left meanwhile. */
function useOpenCreated(id: string | null): (outcome: SendOutcome) => void {
  const navigate = useNavigate();
  const here = useRef(false);
  useEffect(() => {
    here.current = true;
    return () => {
      here.current = false;
    };
  }, []);
  return (outcome) => {
    if (outcome.kind !== "accepted" || id !== null || !here.current) return;
    moveDraft(NEW, outcome.conversationId);
    // At once: what is typed before the other page is there would stay behind.
    flushSync(() => void navigate(`/c/${encodeURIComponent(outcome.conversationId)}`));
  };
}
