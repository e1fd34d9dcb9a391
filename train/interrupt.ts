/**
 * Interrupts.
 *
 * @module
 */

/**
 * Call `fn` at the first interrupt (Ctrl+C); a second one ends the process as
 * usual. Does nothing in browsers, which have no signals.
 *
 * @returns A function that stops listening.
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
