/**
 * Calls of functions that may be asynchronous, in a scope.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { engine } from "../../internal/engine.ts";
import { isThenable } from "../../memory.ts";

/**
 * Call `fn`, and free every tensor that it made and does not return; none if it
 * returns a promise, since it may need them later.
 */
export function callInScope<T>(fn: () => T): T {
  tf.engine().startScope();
  let result: T | undefined;
  try {
    return result = fn();
  } finally {
    const { track } = engine().state.activeScope!;
    tf.engine().endScope(
      (isThenable(result) ? [...track] : result) as tf.TensorContainer,
    );
  }
}
