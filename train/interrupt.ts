/**
 * Signals that end a process.
 *
 * @module
 */

import type { Signal } from "../internal/system/interface.ts";
import { anySystem } from "../internal/system/system.ts";

/** Ctrl+C, the signal of a container or cluster that stops, a closed terminal. */
const SIGNALS: readonly Signal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Call `fn` at the first signal that would end the process; a second one ends it.
 * Does nothing in browsers, which have no signals.
 *
 * @returns A function that stops listening.
 */
export function onInterrupt(fn: () => void): () => void {
  const machine = anySystem;
  if (!machine) return () => {};
  // Windows has no SIGTERM.
  const signals = SIGNALS.filter((signal) =>
    machine.build.os !== "windows" || signal !== "SIGTERM"
  );
  let listening = true;
  const stop = () => {
    if (!listening) return;
    listening = false;
    for (const signal of signals) {
      machine.removeSignalListener(signal, interrupted);
    }
  };
  const interrupted = () => {
    stop();
    fn();
  };
  for (const signal of signals) machine.addSignalListener(signal, interrupted);
  return stop;
}
