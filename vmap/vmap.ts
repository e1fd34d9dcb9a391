/**
 * Functions of one example, run on many.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  anything,
  callable,
  check,
  checkOptions,
  type OptionRules,
  refuse,
  tensor,
} from "../internal/check.ts";
import {
  isBatchedAt,
  type Level,
  wrap,
  wrapBorrowed,
} from "../internal/batching.ts";
import { frames } from "../internal/frames.ts";
import { transaction } from "../internal/transaction.ts";
import { isThenable, scope } from "../memory.ts";
import { ACTION, type Axes, axisIn, checkAxes, mapWithAxes } from "./axes.ts";
import { allOf, insideOf } from "./dispatch.ts";

/** Options of {@linkcode vmap}. */
export interface VmapOptions {
  /**
   * The axis of examples in the tensors of the arguments: one for all, or a list with
   * what each argument has: an axis, `null` if all examples share it, or a list or record
   * of those for what it consists of. Default: 0.
   */
  readonly inAxes?: number | null | readonly Axes[];
  /**
   * Where the axis of examples is in the results: one for all, or a list or record with
   * those of what the function returns. Default: 0.
   */
  readonly outAxes?: Axes;
}

const RULES: OptionRules<VmapOptions> = {
  inAxes: anything,
  outAxes: anything,
};

/** What a function of one example takes or returns, for all examples. */
export type Examples<T> = T extends tf.Tensor ? tf.Tensor
  : T extends (...args: never[]) => unknown ? T
  : T extends object ? { [K in keyof T]: Examples<T[K]> }
  : T;

/**
 * The function that runs `fn`, which is written for one example, on all examples at once.
 *
 * Inside of `fn` tensors have the shape of one example. Each kernel runs on all of them,
 * by a rule: so there are as many calls as for one. States and tensors of outside are
 * shared by the examples; numbers drawn from streams of `random` differ by example, those
 * of `tf.randomNormal` and its like do not. Results that do not depend on the example are
 * repeated.
 *
 * It composes with gradients both ways, with itself and with `compile`: `vmap` of `grad`
 * gives a gradient for each example. The values of tensors cannot be read inside, and
 * conditions of `whileLoop` and `cond` must not depend on the example.
 *
 * Kernels without a rule throw: those of strings and ragged or sparse tensors
 * other than sums by segment, `tf.unique`, `tf.multinomial`, `tf.image.nonMaxSuppression`
 * and `tf.browser.fromPixels`. Kernels that the library adds to tfjs' run as the
 * operations that they are made of. For gradients of filters, `tf.diag`, bins, sparse sums,
 * crops and moves between batch and space, and convolutions with a filter for each example,
 * the rule is a loop over the examples.
 *
 * @example Gradients by example
 * ```ts
 * import { autodiff, tf, useBackend, vmap } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const w = tf.tensor1d([1, 2]);
 * const loss = (w: tf.Tensor1D, x: tf.Tensor1D) =>
 *   tf.square(tf.sum<tf.Scalar>(tf.mul(w, x)));
 * const gradients = vmap(autodiff.grad(loss), { inAxes: [null, 0] });
 * const each = gradients(w, tf.tensor2d([[1, 0], [0, 1]]));
 * assertEquals(await each.array(), [[2, 0], [0, 4]]);
 * ```
 *
 * @typeParam A The arguments of `fn`: tensors, lists and records of them, or others.
 * @typeParam R What `fn` returns: tensors, lists and records of them, or others.
 * @param fn A function of one example.
 * @param options See {@linkcode VmapOptions}.
 * @returns A function of all examples.
 * @throws {RangeError} When called, if an axis is not there, or the numbers of examples
 * differ.
 */
export function vmap<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  options: VmapOptions = {},
): (...args: { readonly [K in keyof A]: Examples<A[K]> }) => Examples<R> {
  check(ACTION, "the first argument", fn, callable);
  checkOptions(ACTION, options, RULES);
  const { inAxes = 0, outAxes = 0 } = options;
  checkAxes("inAxes", inAxes, true);
  checkAxes("outAxes", outAxes, false);
  if (inAxes !== null && typeof inAxes === "object" && !Array.isArray(inAxes)) {
    refuse(ACTION, "inAxes", "an axis, null or a list", inAxes, TypeError);
  }
  return (...args) => {
    const axes = axesOf(args, inAxes);
    const level = levelOf(args, axes);
    return scope(() =>
      runShared(
        level,
        () => {
          const own = args.map((arg, i) =>
            mapWithAxes(arg, axes[i]!, `argument ${i}`, (x, axis) =>
              example(x, axis, level))
          );
          return fn(...own as unknown as A);
        },
        (result) =>
          mapWithAxes(result, outAxes, "the result", (x, axis, name) =>
            resultOf(x, axis!, name, level)),
      ) as Examples<R>
    );
  };
}

/** The axes of each argument. */
function axesOf(
  args: readonly unknown[],
  inAxes: number | null | readonly Axes[],
): readonly Axes[] {
  if (inAxes === null || typeof inAxes === "number") {
    return args.map(() => inAxes);
  }
  if (inAxes.length !== args.length) {
    const is = `as many as arguments, ${args.length}`;
    refuse(ACTION, "inAxes", is, inAxes.length);
  }
  return inAxes;
}

/** The examples of the arguments. */
function levelOf(args: readonly unknown[], axes: readonly Axes[]): Level {
  let size: number | undefined;
  args.forEach((arg, i) =>
    mapWithAxes(arg, axes[i]!, `argument ${i}`, (x, axis, name) => {
      check(ACTION, name, x, tensor);
      if (axis === null) return x;
      const count = x.shape[axisIn(x, axis, name)]!;
      if (count !== (size ?? count)) {
        refuse(ACTION, name, `of ${size} examples`, count);
      }
      size = count;
      return x;
    })
  );
  if (size === undefined) {
    throw new TypeError(
      "Cannot run vmap: an argument must be a tensor with an axis of examples",
    );
  }
  if (size === 0) refuse(ACTION, "the number of examples", "at least 1", 0);
  return { size };
}

/** `x` as a tensor of one example. */
function example(x: tf.Tensor, axis: number | null, level: Level): tf.Tensor {
  if (axis === null) return x;
  const from = axisIn(x, axis, "an argument");
  if (from === 0) return wrapBorrowed(x, level);
  const others = x.shape.map((_, i) => i).filter((i) => i !== from);
  return wrap(tf.transpose(x, [from, ...others]), level);
}

/** What the function returned, for all examples. */
function resultOf(
  x: tf.Tensor,
  axis: number,
  name: string,
  level: Level,
): tf.Tensor {
  const all = allOf(x, level);
  const to = axisIn(all, axis, name);
  if (to === 0) return all;
  const perm = Array.from({ length: all.rank - 1 }, (_, i) => i + 1);
  return tf.transpose(all, perm.toSpliced(to, 0, 0));
}

/**
 * Runs the function, and `finish` on what it returns; what it writes to states must not
 * differ by example. If anything throws, states are as before.
 */
function runShared<R>(
  level: Level,
  fn: () => R,
  finish: (result: R) => unknown,
): unknown {
  const done = transaction(() => {
    const result = insideOf(level, fn);
    if (isThenable(result)) {
      throw new TypeError(
        "Cannot run vmap: the function must not return a promise",
      );
    }
    return finish(result);
  });
  for (const [state] of done.replaced()) {
    if (!isBatchedAt(frames.peek(state), level)) continue;
    done.rollback();
    throw new Error(
      "Cannot run vmap: what the function writes to states must be the same for all examples: return it instead",
    );
  }
  done.commit();
  return done.value;
}
