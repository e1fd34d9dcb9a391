/**
 * Finds the first operation whose result is not finite.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type RunKernel, watchingKernels } from "../internal/engine.ts";
import {
  callable,
  check,
  checkOptions,
  instanceOf,
  type OptionRules,
  recordOf,
} from "../internal/check.ts";
import { type AnyState, State, type States } from "../state.ts";

/** Options of {@linkcode debugNaN}. */
export interface DebugNaNOptions {
  /** States to check first, by path. Default: none. */
  readonly states?: States<AnyState>;
}

const RULES: OptionRules<DebugNaNOptions> = {
  states: recordOf(instanceOf(State, "a state")),
};

/** A call of a kernel. */
interface Ran {
  readonly kernel: string;
  readonly inputs: readonly tf.Tensor[];
  readonly outputs: readonly tf.Tensor[];
}

/**
 * Runs `fn`, and throws if a state or the result of an operation in it, gradients
 * included, is NaN or infinite; the error names the first of them.
 *
 * All results are kept until they have been read, so use it on a small batch.
 *
 * @example Usage
 * ```ts
 * import { autodiff, tf, useBackend } from "@braintape/braintape";
 * import { assertRejects } from "@std/assert";
 *
 * await useBackend("cpu");
 * await assertRejects(
 *   () => autodiff.debugNaN(() => tf.mul(tf.log(tf.scalar(-1)), 2)),
 *   Error,
 *   "op 1 (Log) made NaN",
 * );
 * ```
 *
 * @typeParam T What `fn` returns.
 * @param fn A synchronous function, such as a call of what `grad` returned.
 * @param options See {@linkcode DebugNaNOptions}.
 * @returns What `fn` returned.
 * @throws {Error} If a state or the result of an op is not finite.
 */
export async function debugNaN<T>(
  fn: () => T,
  options: DebugNaNOptions = {},
): Promise<T> {
  check("look for NaN", "fn", fn, callable);
  checkOptions("look for NaN", options, RULES);
  const { states = {} } = options;
  for (const [path, state] of Object.entries(states)) {
    if (state instanceof State && state.value instanceof tf.Tensor) {
      const problem = await notFinite(state.value);
      if (problem) {
        throw new Error(
          `Cannot go on: state "${path}" of shape [${state.shape}] holds ${problem}`,
        );
      }
    }
  }
  const { result, ran } = observe(fn);
  try {
    for (const [i, { kernel, inputs, outputs }] of ran.entries()) {
      for (const y of outputs) {
        const problem = await notFinite(y);
        if (!problem) continue;
        const shapes = inputs.map((x) => `[${x.shape}]`).join(", ");
        throw new Error(
          `Cannot go on: op ${
            i + 1
          } (${kernel}) made ${problem}: its inputs have shapes ${
            shapes || "none"
          }, its output [${y.shape}]`,
        );
      }
    }
  } catch (error) {
    tf.dispose(result as tf.TensorContainer);
    throw error;
  } finally {
    for (const { outputs } of ran) tf.dispose([...outputs]);
  }
  return result;
}

/** Run `fn`, and keep a clone of what every kernel in it returned. */
function observe<T>(fn: () => T): { result: T; ran: Ran[] } {
  const ran: Ran[] = [];
  let busy = false;
  const wrap = (run: RunKernel): RunKernel => (name, inputs, attrs) => {
    if (busy) return run(name, inputs, attrs);
    // Noted when it begins: it may run others, such as to save its output.
    const outputs: tf.Tensor[] = [];
    ran.push({
      kernel: name,
      inputs: Object.values(inputs ?? {}).flat(),
      outputs,
    });
    const result = run(name, inputs, attrs);
    busy = true;
    try {
      outputs.push(...[result].flat().map((x) => tf.keep(tf.clone(x))));
    } finally {
      busy = false;
    }
    return result;
  };
  try {
    return { result: watchingKernels(wrap, fn), ran };
  } catch (error) {
    for (const { outputs } of ran) tf.dispose([...outputs]);
    throw error;
  }
}

/** What is wrong with the values of `x`, if anything. */
async function notFinite(x: tf.Tensor): Promise<string | undefined> {
  if (x.dtype !== "float32") return undefined;
  const values = await x.data();
  const i = values.findIndex((value) => !Number.isFinite(value));
  return i < 0 ? undefined : `${values[i]} (element ${i} of ${x.size})`;
}
