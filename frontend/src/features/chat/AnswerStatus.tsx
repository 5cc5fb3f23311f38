import { useState } from "react";
import { strings } from "../../shared/strings";

interface Props {
  busy: boolean;
  /** Whether an answer can have ended here: not in a new chat, which only leads to its conversation. */
  canEnd: boolean;
}

/** Tells a screen reader when an answer begins and ends; the text itself is not read out as it comes. */
export function AnswerStatus({ busy, canEnd }: Props) {
  const [wasBusy, setWasBusy] = useState(busy);
  if (busy && !wasBusy) setWasBusy(true);
  const ended = wasBusy && canEnd ? strings.chat.answered : "";
  return (
    <p role="status" className="sr-only">
      {busy ? strings.chat.answering : ended}
    </p>
  );
}
