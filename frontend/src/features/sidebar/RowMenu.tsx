import { Ellipsis, Pencil, Trash2 } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import { useRef, useState } from "react";
import { ConfirmDialog } from "../../shared/ConfirmDialog";
import { strings } from "../../shared/strings";
import type { ListedConversation } from "../../state/list";
import { deleteConversation } from "./conversationCommands";

interface Props {
  conversation: ListedConversation;
  onRename: () => void;
}

export function RowMenu({ conversation, onRename }: Props) {
  const [confirming, setConfirming] = useState(false);
  const renaming = useRef(false);
  const button = useRef<HTMLButtonElement>(null);
  const after = useRef<HTMLElement>(null);
  const { id, title } = conversation;
  const rename = () => {
    renaming.current = true;
    onRename();
  };
  const ask = () => {
    after.current = button.current;
    setConfirming(true);
  };
  const remove = () => {
    after.current = neighbour(button.current);
    deleteConversation(id);
  };
  const onClose = () => {
    setConfirming(false);
    after.current?.focus();
  };
  return (
    <>
      <DropdownMenu.Root modal={false}>
        <DropdownMenu.Trigger
          ref={button}
          className="button-icon"
          aria-label={strings.sidebar.options(title)}
        >
          <Ellipsis aria-hidden className="size-4" />
        </DropdownMenu.Trigger>
        <DropdownMenu.Content
          align="end"
          className="menu"
          onCloseAutoFocus={(event) => {
            // The field for the new title has the focus by then.
            if (renaming.current) event.preventDefault();
          }}
        >
          <DropdownMenu.Item className="menu-item" onSelect={rename}>
            <Pencil aria-hidden className="size-4" />
            {strings.sidebar.rename}
          </DropdownMenu.Item>
          <DropdownMenu.Item className="menu-item text-danger" onSelect={ask}>
            <Trash2 aria-hidden className="size-4" />
            {strings.sidebar.remove}…
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Root>
      {confirming && (
        <ConfirmDialog
          title={strings.sidebar.removeTitle}
          text={strings.sidebar.removeText(title)}
          action={strings.sidebar.remove}
          onConfirm={remove}
          onClose={onClose}
        />
      )}
    </>
  );
}

/** Where the focus goes when a row goes: to the next one or the one before, or else to the first link. */
function neighbour(button: HTMLElement | null): HTMLElement | null {
  const row = button?.closest("li");
  const near = row?.nextElementSibling ?? row?.previousElementSibling ?? row?.closest("nav");
  return near?.querySelector("a") ?? null;
}
