import { Check, Copy } from "lucide-react";
import { strings } from "./strings";
import { useCopy } from "./useCopy";

interface Props {
  text: string;
  label: string;
}

export function CopyButton({ text, label }: Props) {
  const { copied, copy } = useCopy();
  const Icon = copied ? Check : Copy;
  return (
    <button
      type="button"
      className="button-quiet"
      aria-label={copied ? strings.chat.copied : label}
      onClick={() => copy(text)}
    >
      <Icon aria-hidden className="size-3.5" />
      <span>{copied ? strings.chat.copied : strings.chat.copy}</span>
    </button>
  );
}
