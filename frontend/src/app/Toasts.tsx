import { X } from "lucide-react";
import { Toast } from "radix-ui";
import { strings } from "../shared/strings";
import { dismissToast, toasts } from "../shared/toasts";
import { useObservable } from "../shared/useObservable";

const SHOWN_MS = { info: 4_000, error: 12_000 };

export function Toasts() {
  const items = useObservable(toasts);
  return (
    <Toast.Provider label={strings.notifications} swipeDirection="right">
      {items.map(({ id, kind, text }) => (
        <Toast.Root
          key={id}
          type={kind === "error" ? "foreground" : "background"}
          duration={SHOWN_MS[kind]}
          onOpenChange={(open) => {
            if (!open) dismissToast(id);
          }}
          className="toast"
          data-kind={kind}
        >
          <Toast.Title className="flex-1">{text}</Toast.Title>
          <Toast.Close aria-label={strings.dismiss} className="button-icon">
            <X aria-hidden className="size-4" />
          </Toast.Close>
        </Toast.Root>
      ))}
      <Toast.Viewport className="toasts" />
    </Toast.Provider>
  );
}
