import { Power } from "lucide-react";
import { useState } from "react";
import { ConfirmDialog } from "../../shared/ConfirmDialog";
import { strings } from "../../shared/strings";
import { restartKernel } from "./kernelCommands";

/** Restarts the kernel, after asking. */
export function RestartKernelButton({ conversationId }: { conversationId: string }) {
  const [confirming, setConfirming] = useState(false);
  return (
    <>
      <button type="button" className="button-outline" onClick={() => setConfirming(true)}>
        <Power aria-hidden className="size-3.5" />
        <span>{strings.kernel.restart}</span>
      </button>
      {confirming && (
        <ConfirmDialog
          title={strings.kernel.restartTitle}
          text={strings.kernel.restartText}
          action={strings.kernel.restart}
          onConfirm={() => restartKernel(conversationId)}
          onClose={() => setConfirming(false)}
        />
      )}
    </>
  );
}
