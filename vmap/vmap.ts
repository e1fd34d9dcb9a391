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
  listOf,
  type OptionRules,
  orNull,
  refuse,
  type Rule,
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
import { isThenable, mapTensors, scope } from "../memory.ts";
import { allOf, insideOf } from "./dispatch.ts";

/** The axis of examples in a tensor: `null` if they all share it. */
export type Axis = number | null;

/** Options of {@linkcode vmap}. */
export interface VmapOptions {
  /**
   * The axis of examples in the tensors of the arguments: one for all, or a list with one
   * for each argument. `null`: all examples share the argument. Default: 0.
   */
  readonly inAxes?: Axis | readonly Axis[];
  /**
   * Where the axis of examples is in the results: one for all, or, for a function that
   * returns a list, one for each item. Default: 0.
   */
  readonly outAxes?: number | readonly number[];
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
  checkAxes("inAxes", inAxes, orNull("an integer"));
  checkAxes("outAxes", outAxes, "an integer");
  return (...args) => {
    const axes = axesOf(args, inAxes);
    const level = levelOf(args, axes);
    return scope(() => {
      const result = runShared(level, () => {
        const own = args.map((arg, i) =>
          mapTensors(arg, (x) => example(x, axes[i]!, level))
        );
        return fn(...own as unknown as A);
      });
      return results(result, outAxes, level) as Examples<R>;
    });
  };
}

const ACTION = "run vmap";

function checkAxes(name: string, axes: unknown, rule: Rule): void {
  check(ACTION, name, axes, Array.isArray(axes) ? listOf(rule) : rule);
}

/** The axis of each argument. */
function axesOf(
  args: readonly unknown[],
  inAxes: Axis | readonly Axis[],
): readonly Axis[] {
  if (!Array.isArray(inAxes)) return args.map(() => inAxes as Axis);
  if (inAxes.length !== args.length) {
    const is = `as many as arguments, ${args.length}`;
    refuse(ACTION, "inAxes", is, inAxes.length);
  }
  return inAxes;
}

/** The examples of the arguments. */
function levelOf(
  args: readonly unknown[],
  axes: readonly Axis[],
): Level {
  let size: number | undefined;
  args.forEach((arg, i) => {
    const axis = axes[i]!;
    if (axis === null) return;
    mapTensors(arg, (x) => {
      check(ACTION, `argument ${i}`, x, tensor);
      const count = x.shape[axisIn(x.shape, axis, `argument ${i}`)]!;
      if (count !== (size ?? count)) {
        refuse(ACTION, `argument ${i}`, `of ${size} examples`, count);
      }
      size = count;
      return x;
    });
  });
  if (size === undefined) {
    throw new TypeError(
      "Cannot run vmap: an argument must be a tensor with an axis of examples",
    );
  }
  if (size === 0) refuse(ACTION, "the number of examples", "at least 1", 0);
  return { size };
}

function axisIn(shape: readonly number[], axis: number, name: string): number {
  const rank = shape.length;
  if (axis < -rank || axis >= rank) {
    refuse(ACTION, name, `a tensor with axis ${axis}`, `of shape [${shape}]`);
  }
  return axis < 0 ? axis + rank : axis;
}

/** `x` as a tensor of one example. */
function example(x: tf.Tensor, axis: Axis, level: Level): tf.Tensor {
  if (axis === null) return x;
  const from = axisIn(x.shape, axis, "an argument");
  if (from === 0) return wrapBorrowed(x, level);
  const others = x.shape.map((_, i) => i).filter((i) => i !== from);
  return wrap(tf.transpose(x, [from, ...others]), level);
}

/** Runs the function; what it writes to states must not differ by example. */
function runShared<R>(level: Level, fn: () => R): R {
  const done = transaction(() => {
    const result = insideOf(level, fn);
    if (isThenable(result)) {
      throw new TypeError(
        "Cannot run vmap: the function must not return a promise",
      );
    }
    return result;
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

/** What the function returned, for all examples. */
function results(
  result: unknown,
  outAxes: number | readonly number[],
  level: Level,
): unknown {
  const at = (nest: unknown, axis: number) =>
    mapTensors(nest, (x) => {
      const all = allOf(x, level);
      const to = axisIn(all.shape, axis, "a result");
      if (to === 0) return all;
      const perm = Array.from({ length: all.rank - 1 }, (_, i) => i + 1);
      return tf.transpose(all, perm.toSpliced(to, 0, 0));
    });
  if (!Array.isArray(outAxes)) return at(result, outAxes as number);
  if (!Array.isArray(result) || result.length !== outAxes.length) {
    const is = `one, or as many as the function returns`;
    refuse(ACTION, "outAxes", is, outAxes.length);
  }
  return result.map((x, i) => at(x, outAxes[i]!));
}
