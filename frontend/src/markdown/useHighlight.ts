import { useEffect } from "react";
import { Observable } from "../shared/observable";
import { useObservable } from "../shared/useObservable";

type Highlight = (code: string, language: string) => string | null;

const loaded = new Observable<{ highlight: Highlight } | null>(null);

/** The highlighter once it is loaded; it is not part of the first load. */
export function useHighlight(): Highlight | null {
  const module = useObservable(loaded);
  useEffect(() => {
    // Without colours the code is still there to be read, so a failure needs no message.
    if (!module)
      void import("./highlight").then(
        (it) => loaded.set(it),
        () => undefined,
      );
  }, [module]);
  return module?.highlight ?? null;
}
