/**
 * Jacobians.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  callable,
  check,
  checkOptions,
  oneOf,
  type OptionRules,
} from "../internal/check.ts";
import { activeLevels } from "../internal/batching.ts";
import { scope } from "../memory.ts";
import { vmap } from "../vmap/mod.ts";
import type { GradsFor } from "./grad.ts";
import { RetainedTape } from "./retained.ts";
import { resolveTarget, TARGET_RULES, type TargetOptions } from "./target.ts";
import type { Task } from "./task.ts";
import { traced } from "./traced.ts";

/** Options of {@linkcode jacobian}. */
export interface JacobianOptions extends TargetOptions {
  /**
   * `"reverse"`: by rows, a backward pass for each element of the value. `"forward"`: by
   * columns, a product with a tangent for each element of states and arguments. Default:
   * whichever are fewer.
   */
  readonly mode?: "reverse" | "forward";
}

const RULES: OptionRules<JacobianOptions> = {
  ...TARGET_RULES,
  mode: oneOf("reverse", "forward"),
};

/**
 * The function that computes the Jacobian of `fn`: the derivative of each
 * element of its value in each element of states and arguments.
 *
 * Shapes are the value's shape, then the input's. `fn` is run once, and what it saves for
 * its gradient is kept until all rows or columns are there. Many of those are computed at
 * once, by `vmap`: so gradients of your own must not read values in JavaScript.
 *
 * @example Usage
 * ```ts
 * import { autodiff, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const powers = (x: tf.Scalar) => tf.stack([x, tf.square(x), tf.pow(x, 3)]);
 * const slopes = autodiff.jacobian(powers)(tf.scalar(2)); // one column, not three rows
 * assertEquals([...await slopes.data()], [1, 4, 12]);
 * ```
 *
 * @typeParam A The arguments of `fn`.
 * @typeParam O The options.
 * @param fn Returns a tensor of any shape.
 * @param options See {@linkcode JacobianOptions}.
 * @returns A function of the arguments of `fn`, which gives tensors in the
 * structure that {@linkcode grad} would.
 */
export function jacobian<
  A extends readonly unknown[],
  const O extends JacobianOptions = Record<never, never>,
>(
  fn: (...args: A) => tf.Tensor,
  options: O = {} as O,
): (...args: A) => JacobianOf<GradsFor<A, O>> {
  check("differentiate", "the first argument", fn, callable);
  checkOptions<JacobianOptions>("differentiate", options, RULES);
  const { checkStates = true, mode } = options as JacobianOptions;
  const target = resolveTarget(options);
  const { states, argnums } = target;
  return (...args) =>
    scope(() => {
      const task: Task = {
        fn: fn as unknown as Task["fn"],
        args,
        states,
        argnums,
        hasAux: false,
        checkStates,
        scalar: false,
      };
      const { taken } = traced(task, (fn, xs) => jacobians(fn, xs, mode));
      const leaves = [...states.keys()];
      return target.gradients({
        states: new Map(leaves.map((state, i) => [state, taken[i]!])),
        args: taken.slice(leaves.length),
      }) as JacobianOf<GradsFor<A, O>>;
    });
}

/** Tensors of any rank, in the structure of gradients `G`. */
export type JacobianOf<G> = G extends tf.Tensor ? tf.Tensor
  : { [K in keyof G]: JacobianOf<G[K]> };

/** The Jacobian in each of `xs`. */
function jacobians(
  fn: () => tf.Tensor,
  xs: readonly tf.Tensor[],
  mode: JacobianOptions["mode"],
): tf.Tensor[] {
  const tape = new RetainedTape(fn, xs);
  try {
    const { size } = tape.value;
    const columns = xs.reduce((sum, x) => sum + x.size, 0);
    const isForward = mode ? mode === "forward" : columns < size;
    return isForward ? byColumns(tape, xs) : byRows(tape, xs);
  } finally {
    tape.dispose();
    tape.value.dispose();
  }
}

function byRows(tape: RetainedTape, xs: readonly tf.Tensor[]): tf.Tensor[] {
  const { shape } = tape.value;
  const rows = ofEach(
    tape,
    shape,
    (dy) => tape.pullback(dy).map((g, i) => g ?? tf.zeros(xs[i]!.shape)),
  );
  return xs.map((x, i) => {
    const to = [...shape, ...x.shape];
    return rows ? tf.reshape(rows[i]!, to) : tf.zeros(to);
  });
}

function byColumns(tape: RetainedTape, xs: readonly tf.Tensor[]): tf.Tensor[] {
  const { shape, size } = tape.value;
  return xs.map((x, i) => {
    const columns = ofEach(tape, x.shape, (v) => [
      tape.pushforward(xs.map((_, k) => k === i ? v : null)),
    ]);
    if (!columns) return tf.zeros([...shape, ...x.shape]);
    const flat = tf.reshape(columns[0]!, [x.size, size]);
    return tf.reshape(tf.transpose(flat), [...shape, ...x.shape]);
  });
}

/** How many numbers the tensors of one pass may have together, about. */
const MOST_AT_ONCE = 2 ** 24;

/**
 * The results of `run` for each tensor of `shape` in which one element is 1, and the
 * others are 0, along a new first axis; nothing for no elements. Many are computed at
 * once, by `vmap`.
 */
function ofEach(
  tape: RetainedTape,
  shape: number[],
  run: (onehot: tf.Tensor) => tf.Tensor[],
): tf.Tensor[] | undefined {
  const size = tf.util.sizeFromShape(shape);
  const many = Math.floor(MOST_AT_ONCE / Math.max(1, tape.size));
  // Inside of vmap the tape is bound to the examples that there are.
  const step = activeLevels().length > 0 ? 1 : Math.max(1, many);
  const parts: tf.Tensor[][] = [];
  for (let start = 0; start < size; start += step) {
    const count = Math.min(step, size - start);
    const values = new Float32Array(count * size);
    for (let i = 0; i < count; i++) values[i * size + start + i] = 1;
    const onehots = tf.tensor(values, [count, ...shape]);
    const made = count > 1
      ? vmap(run)(onehots)
      : run(tf.reshape(onehots, shape)).map((y) => tf.expandDims(y, 0));
    parts.push(made as tf.Tensor[]);
  }
  if (parts.length < 2) return parts[0];
  return parts[0]!.map((_, k) => tf.concat(parts.map((part) => part[k]!)));
}
