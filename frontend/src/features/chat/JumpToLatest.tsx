import { ArrowDown } from "lucide-react";
import { strings } from "../../shared/strings";

export function JumpToLatest({ onClick }: { onClick: () => void }) {
  return (
    <button type="button" onClick={onClick} className="jump-to-latest">
      <ArrowDown aria-hidden className="size-4" />
      {strings.chat.jump}
    </button>
  );
}
