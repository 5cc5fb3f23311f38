import { mutate } from "../../api/client";
import {
  InterruptKernel,
  RestartKernel,
  ShutdownKernel,
  type UserErrorData,
} from "../../api/mutations";
import { strings } from "../../shared/strings";
import { toast } from "../../shared/toasts";

/** What a command does to the kernel arrives as an event; only failures are shown here. */

export function interruptKernel(conversationId: string): void {
  tellFailure(async () => {
    const variables = { input: { conversationId } };
    const data = await mutate({ document: InterruptKernel, variables });
    return data.interruptKernel.errors;
  });
}

export function restartKernel(conversationId: string): void {
  tellFailure(async () => {
    const variables = { input: { conversationId, idempotencyKey: crypto.randomUUID() } };
    const data = await mutate({ document: RestartKernel, variables });
    if (data.restartKernel.errors.length === 0) toast(strings.kernel.restarted);
    return data.restartKernel.errors;
  });
}

export function shutdownKernel(conversationId: string): void {
  tellFailure(async () => {
    const variables = { input: { conversationId } };
    const data = await mutate({ document: ShutdownKernel, variables });
    return data.shutdownKernel.errors;
  });
}

function tellFailure(command: () => Promise<readonly UserErrorData[]>): void {
  command().then(
    ([error]) => {
      if (error) toast(error.message, "error");
    },
    (error: unknown) => {
      toast(error instanceof Error ? error.message : strings.errors.failed, "error");
    },
  );
}
