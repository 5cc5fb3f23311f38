/** A hidden tab paints no frames, yet its state must go on, if slowly. */
const HIDDEN_INTERVAL_MS = 250;

/** A function that calls `flush` once before the next frame, however often it is called itself. */
export function oncePerFrame(flush: () => void): () => void {
  let planned = false;
  const run = () => {
    planned = false;
    flush();
  };
  return () => {
    if (planned) return;
    planned = true;
    if (document.hidden) setTimeout(run, HIDDEN_INTERVAL_MS);
    else requestAnimationFrame(run);
  };
}
