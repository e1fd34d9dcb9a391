/**
 * What {@linkcode fit} says of work that it cannot replay.
 *
 * @module
 */

/** Tells a reason why something is not replayed. */
export type OnFallback = (reason: string) => void;

/** A function that warns of each reason once: steps and evaluations may have the same. */
export function warnOnce(): OnFallback {
  const told = new Set<string>();
  return (reason) => {
    if (told.has(reason)) return;
    told.add(reason);
    console.warn(reason);
  };
}
