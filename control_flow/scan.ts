/**
 * Loops over the first axis of tensors.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  boolean,
  callable,
  check,
  checkOptions,
  type OptionRules,
  refuse,
} from "../internal/check.ts";
import { isThenable } from "../memory.ts";
import type { FlatFunction } from "./body.ts";
import {
  type AnyRank,
  checkSame,
  type Flat,
  flatten,
  handOver,
  type ItemOf,
  rebuild,
  type StackedOf,
  type TensorNest,
} from "./nest.ts";
import { LOOP_RULES, type LoopOptions } from "./options.ts";
import { runnerOf } from "./runner.ts";
import { itemsOf } from "./slices.ts";

/** Options of {@linkcode scan} and {@linkcode forLoop}. */
export interface ScanOptions extends LoopOptions {
  /**
   * The number of iterations: needed if `xs` contains no tensor, else it must be the
   * length of its tensors.
   */
  readonly length?: number;
  /**
   * Whether to run from the last item to the first. Outputs are stacked in the order
   * of the items.
   *
   * @default {false}
   */
  readonly reverse?: boolean;
}

const RULES: OptionRules<ScanOptions> = {
  ...LOOP_RULES,
  length: "a positive integer",
  reverse: boolean,
};

/**
 * Calls `fn` for each item of `xs` along its first axis, and stacks what it returns:
 * the loop over the time steps of a recurrent network.
 *
 * States that `fn` reads and writes go from one iteration to the next, and gradients
 * flow through them, as in a loop of JavaScript. Each iteration's tensors are freed at
 * its end: without a gradient, only the stacked outputs grow with the length.
 *
 * @example The hidden state of a cell over time
 * ```ts
 * import { forLoop, HiddenState, scope, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const sum = scope(() => new HiddenState(tf.scalar(0)));
 * const sums = forLoop((x) => sum.value = tf.add(sum.value, x), tf.tensor1d([1, 2, 3]));
 * assertEquals([...await sums.data()], [1, 3, 6]);
 * ```
 *
 * @typeParam X The tensors to loop over.
 * @typeParam Y What `fn` returns.
 * @param fn Takes an item of each tensor in `xs`, in a nest of the same form. Returns a
 * nest of tensors, of the same form, shapes and dtypes each time, or nothing.
 * @param xs A tensor, or lists and plain records of tensors, all of one length.
 * @param options See {@linkcode ScanOptions}.
 * @returns The outputs, stacked along a new first axis; the caller's.
 * @throws {TypeError} If `xs` or what `fn` returns contains anything but tensors, or the
 * form or a dtype of the outputs changes.
 * @throws {RangeError} If lengths differ or are 0, or a shape of the outputs changes.
 */
export function forLoop<X extends TensorNest, Y extends TensorNest | void>(
  fn: (x: ItemOf<X>) => Y,
  xs: X,
  options: ScanOptions = {},
): StackedOf<Y> {
  const action = "run forLoop", body = (_: unknown, x: never) => [_, fn(x)];
  const loop: Loop = { action, fn, body, init: undefined, xs, options };
  return run(loop)[1] as StackedOf<Y>;
}

/**
 * As {@linkcode forLoop}, with a value that each iteration hands on to the next.
 *
 * @example A running product
 * ```ts
 * import { scan, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const [last, products] = scan((product, x) => {
 *   const next = tf.mul(product, x);
 *   return [next, next];
 * }, tf.scalar(1), tf.tensor1d([2, 3, 4]));
 * assertEquals([...await last.data()], [24]);
 * assertEquals([...await products.data()], [2, 6, 24]);
 * ```
 *
 * @typeParam C What is handed on.
 * @typeParam X The tensors to loop over.
 * @typeParam Y The outputs.
 * @param fn Takes what the iteration before handed on, and an item of each tensor in
 * `xs`. Returns `[what to hand on, output]`.
 * @param init What the first iteration takes: a nest of tensors. What `fn` hands on must
 * have its form, shapes and dtypes.
 * @param xs A tensor, or lists and plain records of tensors, all of one length.
 * @param options See {@linkcode ScanOptions}.
 * @returns `[what the last iteration hands on, the outputs stacked]`; the caller's.
 * @throws {TypeError} If `init`, `xs` or what `fn` returns contains anything but tensors,
 * or a form or a dtype changes.
 * @throws {RangeError} If lengths differ or are 0, or a shape changes.
 */
export function scan<
  C extends TensorNest,
  X extends TensorNest,
  Y extends TensorNest | void,
>(
  fn: (carry: C, x: ItemOf<X>) => readonly [AnyRank<NoInfer<C>>, Y],
  init: C,
  xs: X,
  options: ScanOptions = {},
): [C, StackedOf<Y>] {
  const body = fn as unknown as Loop["body"];
  const loop: Loop = { action: "run scan", fn, body, init, xs, options };
  return run(loop) as [C, StackedOf<Y>];
}

/** A loop to run. */
interface Loop {
  /** Its name in errors. */
  readonly action: string;
  /** What the user gave as the function. */
  readonly fn: unknown;
  /** Returns `[what to hand on, output]`. */
  readonly body: (carry: never, x: never) => unknown;
  readonly init: unknown;
  readonly xs: unknown;
  readonly options: ScanOptions;
}

/** Run a loop. */
function run({ action, fn, body, init, xs, options }: Loop): unknown[] {
  check(action, "the function", fn, callable);
  checkOptions(action, options, RULES);
  const { length, reverse = false } = options;
  const first = flatten(action, "the initial value", init);
  const given = flatten(action, "xs", xs);
  let output: unknown, outputs: Flat | undefined;

  const flat: FlatFunction = (...leaves) => {
    const carry = rebuild(init, leaves);
    const x = rebuild(xs, leaves.slice(first.leaves.length));
    const result = body(carry as never, x as never);
    const [next, y] = pair(action, result);
    const nextFlat = flatten(action, "the carry", next);
    checkSame(action, "the carry", first, nextFlat);
    const outputFlat = flatten(action, "the output", y);
    if (outputs) checkSame(action, "the output", outputs, outputFlat);
    else [output, outputs] = [y, outputFlat];
    return [...nextFlat.leaves, ...outputFlat.leaves];
  };

  return tf.tidy(() => {
    const loop = runnerOf(flat, options);
    const items = itemsOf(action, given, length);
    const count = first.leaves.length;
    const steps: (readonly tf.Tensor[])[] = [];
    let carry: readonly tf.Tensor[] = first.leaves;
    try {
      loop.all((runner) => {
        for (let k = 0; k < items.length; k++) {
          const i = reverse ? items.length - 1 - k : k;
          const remaining = items.length - k;
          const now = carry;
          const take = () => [...now, ...items.at(i)];
          const results = runner.run(take, remaining);
          carry = results.slice(0, count);
          steps.push(results.slice(count));
          if (k > 0) tf.dispose([...now]);
        }
        return [...carry, ...steps.flat()];
      });
      if (reverse) steps.reverse();
      const stacked = steps[0]!.map((_, j) => {
        const list = steps.map((step) => step[j]!);
        const all = tf.stack(list);
        tf.dispose(list);
        return all;
      });
      return [
        rebuild(init, carry.map(handOver)),
        rebuild(output, stacked),
      ] as tf.TensorContainer;
    } catch (error) {
      tf.dispose(steps as tf.TensorContainer);
      if (carry !== first.leaves) tf.dispose([...carry]);
      throw error;
    }
  }) as unknown as unknown[];
}

function pair(action: string, result: unknown): readonly unknown[] {
  if (Array.isArray(result) && result.length === 2) return result;
  const rule = isThenable(result)
    ? "[carry, output], not a promise: the function must not be async"
    : "[carry, output]";
  return refuse(action, "the result", rule, result, TypeError);
}
