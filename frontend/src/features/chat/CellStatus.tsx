import { Check, CircleDashed, CircleSlash, LoaderCircle, PencilLine, X } from "lucide-react";
import type { CellData } from "../../api/fragments";
import { strings } from "../../shared/strings";

type Status = CellData["status"];

const LOOKS: Record<Status, { Icon: typeof Check; className: string }> = {
  WRITING: { Icon: PencilLine, className: "text-muted" },
  AWAITING_APPROVAL: { Icon: CircleDashed, className: "text-muted" },
  QUEUED: { Icon: CircleDashed, className: "text-muted" },
  RUNNING: { Icon: LoaderCircle, className: "text-accent" },
  COMPLETED: { Icon: Check, className: "text-ok" },
  FAILED: { Icon: X, className: "text-danger" },
  INTERRUPTED: { Icon: CircleSlash, className: "text-warn" },
  REJECTED: { Icon: CircleSlash, className: "text-muted" },
};

export function CellStatus({ status }: { status: Status }) {
  const { Icon, className } = LOOKS[status];
  const spin = status === "RUNNING" ? "animate-spin" : "";
  return (
    <span className={`chip ${className}`}>
      <Icon aria-hidden className={`size-3.5 ${spin}`} />
      {strings.cell.status[status]}
    </span>
  );
}
