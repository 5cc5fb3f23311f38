import type { RefObject } from "react";
import { ErrorBoundary } from "../../shared/ErrorBoundary";
import { strings } from "../../shared/strings";
import type { Outgoing } from "../../state/outbox";
import type { MessageView, Thread } from "../../state/types";
import { AssistantMessage } from "./AssistantMessage";
import { KeepPlace } from "./KeepPlace";
import { LoadEarlier } from "./LoadEarlier";
import { OutgoingMessage } from "./OutgoingMessage";
import { PendingAnswer } from "./PendingAnswer";
import type { Chat } from "./useChat";
import { UserMessage } from "./UserMessage";

interface Props {
  thread: Thread | null;
  chat: Chat;
  scrollRef: RefObject<HTMLDivElement | null>;
  onRetry: (item: Outgoing) => void;
  onLoadEarlier: (() => Promise<void>) | undefined;
}

export function MessageList({ thread, chat, scrollRef, onRetry, onLoadEarlier }: Props) {
  const messages = thread?.messages ?? [];
  const last = messages.at(-1);
  const answering = last?.role === "ASSISTANT" && last.status === "IN_PROGRESS";
  return (
    <KeepPlace first={messages[0]?.id} scrollRef={scrollRef}>
      <div className="space-y-7">
        {thread?.earlier != null && onLoadEarlier && (
          <LoadEarlier key={thread.earlier} onLoad={onLoadEarlier} />
        )}
        {messages.map((message) => (
          <ErrorBoundary key={message.id} message={strings.errors.messageBroken}>
            <Message message={message} thread={thread} chat={chat} latest={message === last} />
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
        {chat.busy && !answering && <PendingAnswer run={thread?.activeRun ?? null} />}
      </div>
    </KeepPlace>
  );
}

interface MessageProps {
  message: MessageView;
  thread: Thread | null;
  chat: Chat;
  latest: boolean;
}

function Message({ message, thread, chat, latest }: MessageProps) {
  if (message.role === "USER") return <UserMessage message={message} />;
  return (
    <AssistantMessage
      message={message}
      run={latest ? (thread?.activeRun ?? null) : null}
      onRegenerate={latest && !chat.busy ? chat.regenerate : null}
    />
  );
}
