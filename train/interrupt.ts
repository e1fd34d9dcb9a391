/**
 * Ctrl+C.
 *
 * @module
 */

/**
 * Call `fn` at the first interrupt; a second one ends the process as usual. Does
 * nothing where there are no signals, as in browsers.
 *
 * @returns What stops listening.
 */
export function onInterrupt(fn: () => void): () => void {
  if (typeof Deno === "undefined") return () => {};
  let listening = true;
  const stop = () => {
    if (listening) Deno.removeSignalListener("SIGINT", interrupted);
    listening = false;
  };
  const interrupted = () => {
    stop();
    fn();
  };
  Deno.addSignalListener("SIGINT", interrupted);
  return stop;
}
