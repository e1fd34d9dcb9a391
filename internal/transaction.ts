/**
 * Writes to states that can be taken back later. Internal.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { frames } from "./frames.ts";
import { release } from "../memory.ts";

/** The result of a function, and the means to keep or undo its writes to states. */
export interface Transaction<T> {
  /** The result of the function. */
  readonly value: T;
  /** Keep what the function wrote, and free what it replaced. */
  commit(): void;
  /**
   * Restore the values that the states had before the function, whatever has been
   * written to them since.
   */
  rollback(): void;
  /** The states that were written, with what they held before. */
  replaced(): readonly (readonly [state: object, before: unknown])[];
}

/**
 * Run `fn`, and keep the values that it replaces in states until `commit` or
 * `rollback` is called: one of both, once.
 *
 * States of all kinds are restored: running statistics, hidden states, counters and
 * random streams; states that `fn` itself created are not. The two methods may be
 * called after waiting, such as for the value of a loss. If `fn` throws, every state is
 * as before.
 *
 * @typeParam T What `fn` returns.
 * @param fn What to run; must not return a promise.
 * @param allowsReplays Whether compiled functions in it may be replayed.
 */
export function transaction<T>(
  fn: () => T,
  allowsReplays = false,
): Transaction<T> {
  const frame = frames.push(allowsReplays);
  let value: T;
  try {
    value = fn();
  } catch (error) {
    frames.pop();
    settle(frame, true);
    throw error;
  }
  frames.pop();
  return {
    value,
    commit: () => settle(frame, false),
    rollback: () => settle(frame, true),
    replaced: () =>
      [...frame.writes].map((state) => [state, frame.originals.get(state)]),
  };
}

function settle(frame: ReturnType<typeof frames.push>, back: boolean) {
  for (const state of frame.writes) {
    const original = frame.originals.get(state);
    const current = frames.peek(state);
    if (current === original) continue; // an inner rollback restored it
    const { isDisposed } = state as { readonly isDisposed: boolean };
    const restore = back && !isDisposed;
    const unused = restore ? current : original;
    if (restore) frames.poke(state, original);
    const held = frames.open.some((outer) => outer.holds(unused));
    if (!held && unused instanceof tf.Tensor) release(unused);
  }
  frame.writes.clear();
}
