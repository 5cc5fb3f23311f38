import type { RefObject } from "react";
import { ErrorBoundary } from "../../shared/ErrorBoundary";
import { strings } from "../../shared/strings";
import type { Outgoing } from "../../state/outbox";
import type { MessageView, ConversationView } from "../../state/types";
import { AssistantMessage } from "./AssistantMessage";
import { KeepPlace } from "./KeepPlace";
import { LoadEarlier } from "./LoadEarlier";
import { OutgoingMessage } from "./OutgoingMessage";
import { PendingAnswer } from "./PendingAnswer";
import type { Chat } from "./useChat";
import { UserMessage } from "./UserMessage";

interface Props {
  view: ConversationView | null;
  chat: Chat;
  scrollRef: RefObject<HTMLDivElement | null>;
  onRetry: (item: Outgoing) => void;
  onLoadEarlier: (() => Promise<void>) | undefined;
}

export function MessageList({ view, chat, scrollRef, onRetry, onLoadEarlier }: Props) {
  const messages = view?.messages ?? [];
  const last = messages.at(-1);
  const answering = last?.role === "ASSISTANT" && last.status === "IN_PROGRESS";
  return (
    <KeepPlace first={messages[0]?.id} scrollRef={scrollRef}>
      <div className="space-y-7">
        {view?.earlier != null && onLoadEarlier && (
          <LoadEarlier key={view.earlier} onLoad={onLoadEarlier} />
        )}
        {messages.map((message) => (
          <ErrorBoundary key={message.id} message={strings.errors.messageBroken}>
            <Message message={message} view={view} chat={chat} latest={message === last} />
          </ErrorBoundary>
        ))}
        {chat.outgoing.map((item) => (
          <OutgoingMessage
            key={item.key}
            item={item}
            onRetry={() => onRetry(item)}
            onDiscard={() => chat.discard(item)}
          />
        ))}
        {chat.busy && !answering && <PendingAnswer run={view?.activeRun ?? null} />}
      </div>
    </KeepPlace>
  );
}

interface MessageProps {
  message: MessageView;
  view: ConversationView | null;
  chat: Chat;
  latest: boolean;
}

function Message({ message, view, chat, latest }: MessageProps) {
  if (message.role === "USER") return <UserMessage message={message} />;
  return (
    <AssistantMessage
      message={message}
      run={latest ? (view?.activeRun ?? null) : null}
      onRegenerate={latest && !chat.busy ? chat.regenerate : null}
    />
  );
}
