import { ArrowUpRight } from "lucide-react";
import { strings } from "../../shared/strings";
import { examples } from "./examples";

/** What a chat shows before its first message. */
export function EmptyChat({ onSend }: { onSend: (text: string) => void }) {
  return (
    <div className="pt-[12vh]">
      <h1 className="text-3xl font-semibold tracking-tight text-balance">{strings.chat.heading}</h1>
      <p className="mt-3 text-muted">{strings.chat.intro}</p>
      <ul aria-label={strings.chat.examples} className="mt-8 grid gap-3 sm:grid-cols-2">
        {examples.map((text) => (
          <li key={text}>
            <button type="button" onClick={() => onSend(text)} className="example">
              <span>{text}</span>
              <ArrowUpRight aria-hidden className="size-4 shrink-0 text-muted" />
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
