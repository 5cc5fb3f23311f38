import { ChevronDown } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import { useRef, useState } from "react";
import type { KernelData } from "../../api/fragments";
import { ConfirmDialog } from "../../shared/ConfirmDialog";
import { strings } from "../../shared/strings";
import { interruptKernel, restartKernel, shutdownKernel } from "./kernelCommands";

interface Props {
  conversationId: string;
  /** Null before the first one is started. */
  kernel: KernelData | null;
}

type Status = KernelData["status"];

const DOTS: Record<Status, string> = {
  STARTING: "bg-warn",
  IDLE: "bg-ok",
  BUSY: "bg-accent animate-pulse",
  RESTARTING: "bg-warn",
  RESTORING: "bg-warn",
  STOPPED: "bg-muted",
  DEAD: "bg-danger",
};

/** How the kernel is, and what can be done with it. */
export function KernelMenu({ conversationId, kernel }: Props) {
  const [confirming, setConfirming] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  if (!kernel) return null;
  const { status } = kernel;
  const ended = status === "STOPPED" || status === "DEAD";
  const onClose = () => {
    setConfirming(false);
    button.current?.focus();
  };
  return (
    <>
      <DropdownMenu.Root modal={false}>
        <DropdownMenu.Trigger ref={button} className="button-outline">
          <span aria-hidden className={`size-2 rounded-full ${DOTS[status]}`} />
          <span>
            <span className="max-sm:sr-only">{strings.kernel.options}: </span>
            {strings.kernel.status[status]}
          </span>
          <ChevronDown aria-hidden className="size-3.5" />
        </DropdownMenu.Trigger>
        <DropdownMenu.Portal>
          <DropdownMenu.Content align="end" sideOffset={6} className="menu">
            <DropdownMenu.Item
              className="menu-item"
              disabled={status !== "BUSY"}
              onSelect={() => interruptKernel(conversationId)}
            >
              {strings.kernel.interrupt}
            </DropdownMenu.Item>
            <DropdownMenu.Item
              className="menu-item"
              disabled={ended}
              onSelect={() => setConfirming(true)}
            >
              {strings.kernel.restart}…
            </DropdownMenu.Item>
            <DropdownMenu.Item
              className="menu-item"
              disabled={ended}
              onSelect={() => shutdownKernel(conversationId)}
            >
              {strings.kernel.shutdown}
            </DropdownMenu.Item>
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
      {confirming && (
        <ConfirmDialog
          title={strings.kernel.restartTitle}
          text={strings.kernel.restartText}
          action={strings.kernel.restart}
          onConfirm={() => restartKernel(conversationId)}
          onClose={onClose}
        />
      )}
    </>
  );
}
