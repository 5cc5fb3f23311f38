import { useState } from "react";
import { strings } from "../../shared/strings";

/** Tells a screen reader when an answer begins and ends; the text itself is not read out as it comes. */
export function AnswerStatus({ busy }: { busy: boolean }) {
  const [wasBusy, setWasBusy] = useState(busy);
  if (busy && !wasBusy) setWasBusy(true);
  const text = busy ? strings.chat.answering : strings.chat.answered;
  return (
    <p role="status" className="sr-only">
      {busy || wasBusy ? text : ""}
    </p>
  );
}
