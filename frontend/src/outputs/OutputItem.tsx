import { memo } from "react";
import { ErrorBoundary } from "../shared/ErrorBoundary";
import { strings } from "../shared/strings";
import type { OutputView } from "../state/types";
import { RichOutput } from "./RichOutput";
import { TextOutput } from "./TextOutput";

interface Props {
  output: OutputView;
  /** Whether its cell still runs. */
  running: boolean;
}

/** One output of a cell. One that breaks says so and leaves the rest alone. */
export const OutputItem = memo(function OutputItem(props: Props) {
  return (
    <ErrorBoundary message={strings.errors.outputBroken}>
      <Content {...props} />
    </ErrorBoundary>
  );
});

function Content({ output, running }: Props) {
  switch (output.__typename) {
    case "StreamOutput": {
      const failed = output.name === "STDERR";
      return (
        <TextOutput
          text={output.content.text}
          label={failed ? strings.cell.errorOutput : strings.cell.output}
          tone={failed ? "error" : "plain"}
          wrap
          growing={running}
          truncated={output.truncated}
          download={output.download}
        />
      );
    }
    case "ErrorOutput": {
      const traceback = output.traceback.join("\n");
      return (
        <TextOutput
          text={traceback || `${output.ename}: ${output.evalue}`}
          label={strings.cell.traceback}
          tone="error"
          wrap={false}
          truncated={output.truncated}
          download={output.download}
        />
      );
    }
    case "DisplayOutput":
    case "ResultOutput":
      return <RichOutput output={output} />;
  }
}
