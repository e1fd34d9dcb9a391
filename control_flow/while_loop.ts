/**
 * Loops that a condition ends.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  callable,
  check,
  checkOptions,
  type OptionRules,
} from "../internal/check.ts";
import type { FlatFunction } from "./body.ts";
import {
  type AnyRank,
  checkSame,
  flatten,
  handOver,
  rebuild,
  type TensorNest,
} from "./nest.ts";
import { LOOP_RULES, type LoopOptions } from "./options.ts";
import { checkPredicate, isTrue, type Predicate } from "./predicate.ts";
import { runnerOf } from "./runner.ts";

/** Options of {@linkcode whileLoop}. */
export interface WhileLoopOptions extends LoopOptions {
  /**
   * The number of iterations after which the loop ends, whatever the condition says.
   *
   * @default {Infinity}
   */
  readonly maxSteps?: number;
}

const RULES: OptionRules<WhileLoopOptions> = {
  ...LOOP_RULES,
  maxSteps: "a positive integer",
};

const ACTION = "run whileLoop";

/**
 * Replaces `init` by what `body` returns for it, for as long as `condition` is true of
 * it: an iteration to a fixed point, a simulation until an event.
 *
 * States that the functions read and write go from one iteration to the next, and
 * gradients flow through them, as in a loop of JavaScript. Each iteration's tensors are
 * freed at its end: without a gradient, memory does not grow with the iterations.
 *
 * A condition that is a tensor is read in each iteration, which is not possible on
 * WebGPU: there it must be a boolean.
 *
 * @example Newton's method
 * ```ts
 * import { tf, useBackend, whileLoop } from "@braintape/braintape";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const root = whileLoop(
 *   (x) => tf.greater(tf.abs(tf.sub(tf.square(x), 2)), 1e-5),
 *   (x) => tf.div(tf.add(x, tf.div(2, x)), 2),
 *   tf.scalar(1),
 * );
 * const [x] = await root.data();
 * assertAlmostEquals(x!, Math.SQRT2, 1e-5);
 * ```
 *
 * @typeParam C What is handed on.
 * @param condition Whether to run another iteration: returns a boolean, or a scalar
 * tensor of dtype `bool`; the same kind each time.
 * @param body Returns what takes the place of its argument, with its form, shapes and
 * dtypes.
 * @param init A nest of tensors.
 * @param options See {@linkcode WhileLoopOptions}.
 * @returns What the last iteration returns, or a copy of `init`; the caller's.
 * @throws {TypeError} If the condition is no boolean, `init` or what `body` returns
 * contains anything but tensors, or a form or a dtype changes.
 * @throws {RangeError} If a shape changes, or the condition is a tensor with axes.
 * @throws {Error} If the condition is a tensor on WebGPU.
 */
export function whileLoop<C extends TensorNest>(
  condition: (carry: C) => Predicate,
  body: (carry: C) => AnyRank<NoInfer<C>>,
  init: C,
  options: WhileLoopOptions = {},
): C {
  check(ACTION, "the first argument", condition, callable);
  check(ACTION, "the second argument", body, callable);
  checkOptions(ACTION, options, RULES);
  const { maxSteps = Infinity } = options;
  const first = flatten(ACTION, "the initial value", init);
  const count = first.leaves.length;
  /** The condition, if it is no tensor. */
  let isOn: boolean | undefined;
  const test = (leaves: readonly tf.Tensor[]): tf.Tensor[] => {
    const result = condition(rebuild(init, leaves) as C);
    checkPredicate(ACTION, "the condition", result);
    isOn = typeof result === "boolean" ? result : undefined;
    return typeof result === "boolean" ? [] : [result];
  };
  const iterate: FlatFunction = (...leaves) => {
    const next = flatten(
      ACTION,
      "the result",
      body(rebuild(init, leaves) as C),
    );
    checkSame(ACTION, "the result", first, next);
    const wasTensor = isOn === undefined;
    const results = [...next.leaves, ...test(next.leaves)];
    if (wasTensor !== (isOn === undefined)) {
      throw new TypeError(
        `Cannot ${ACTION}: the condition must always be a tensor, or never`,
      );
    }
    return results;
  };
  /** Whether `predicate` is true; it is freed. */
  const read = ([predicate]: readonly tf.Tensor[]): boolean => {
    try {
      return isTrue(ACTION, "the condition", predicate ?? isOn);
    } finally {
      predicate?.dispose();
    }
  };

  return tf.tidy(() => {
    let carry = first.leaves;
    const loop = runnerOf(iterate, options);
    try {
      loop.all((runner) => {
        let goesOn = tf.tidy(() => Number(read(test(carry)))) === 1;
        for (let step = 0; goesOn && step < maxSteps; step++) {
          const now = carry;
          // A loop that has run for long is likely to go on for as long.
          const remaining = isOn === undefined ? step : 0;
          const results = runner.run(() => [...now], remaining);
          carry = results.slice(0, count);
          if (step > 0) tf.dispose([...now]);
          goesOn = read(results.slice(count));
        }
        return carry;
      });
      const isInit = carry === first.leaves;
      const last = carry.map((x) => isInit ? tf.clone(x) : handOver(x));
      return rebuild(init, last) as tf.TensorContainer;
    } catch (error) {
      if (carry !== first.leaves) tf.dispose([...carry]);
      throw error;
    }
  }) as C;
}
