import { Chat } from "./Chat";

export function NewChatPage() {
  return <Chat id={null} view={null} />;
}
