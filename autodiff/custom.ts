/**
 * Custom gradients, constants and recomputation.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { callable, check, refuse, tensor } from "../internal/check.ts";
import { engine, isNested } from "../internal/engine.ts";
import { record } from "./record.ts";
import { differentiate } from "./differentiate.ts";

/** The result of the function given to {@linkcode customGradient}. */
export interface WithGradient<V extends tf.Tensor> {
  /** The value. */
  readonly value: V;
  /** Tensors that the gradient needs: inputs, the value, or others. */
  readonly saved?: readonly tf.Tensor[];
  /**
   * The gradient in each input, for a gradient `dy` in the value; `saved` are the
   * saved tensors, in order.
   */
  gradient(
    dy: V,
    saved: readonly tf.Tensor[],
  ): tf.Tensor | readonly tf.Tensor[];
}

/**
 * A function of tensors with a custom gradient.
 *
 * It can be differentiated again if the gradient is made of differentiable operations.
 *
 * @example A straight-through estimator
 * ```ts
 * import { autodiff, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const round = autodiff.customGradient((x: tf.Tensor1D) => ({
 *   value: tf.round(x),
 *   gradient: (dy) => dy,
 * }));
 * const gradient = autodiff.grad((x: tf.Tensor1D) => tf.sum(round(x)));
 * assertEquals([...await gradient(tf.tensor1d([1.4, 1.6])).data()], [1, 1]);
 * ```
 *
 * @typeParam A The inputs.
 * @typeParam V The value.
 * @param fn Computes the value of the inputs, and returns it with its gradient.
 * @returns A function of the inputs that returns the value.
 */
export function customGradient<
  A extends readonly tf.Tensor[],
  V extends tf.Tensor,
>(fn: (...inputs: A) => WithGradient<V>): (...inputs: A) => V {
  check("define a gradient", "fn", fn, callable);
  const custom: (...inputs: tf.Tensor[]) => tf.Tensor = tf.customGrad(
    (...all) => {
      const save = all.pop() as tf.GradSaveFunc;
      const { value, saved = [], gradient } = fn(...all as unknown as A);
      // A second derivative must see how what is saved depends on the inputs, and
      // tfjs' tape does not know that of the copies it keeps. So it is made again.
      const inNested = isNested();
      save(inNested ? all as unknown as tf.Tensor[] : [...saved]);
      const again = (inputs: tf.Tensor[]) => {
        const { value, saved = [], gradient } = fn(...inputs as unknown as A);
        return (dy: V) =>
          gradient(dy, saved.map((x) => x === value ? custom(...inputs) : x));
      };
      const shapes = (all as tf.Tensor[]).map(({ shape }) => shape);
      return {
        value,
        gradFunc(dy: V, kept: tf.Tensor[]) {
          const grads = [inNested ? again(kept)(dy) : gradient(dy, kept)]
            .flat();
          checkGradients(grads, shapes);
          // A gradient that is dy or a saved tensor must not be disposed with it.
          const others = new Set<tf.Tensor>([dy, ...kept]);
          return grads.map((g) => others.has(g) ? tf.clone(g) : g);
        },
      };
    },
  );
  return custom as unknown as (...inputs: A) => V;
}

/** Throws unless there is a gradient of the shape of each input. */
function checkGradients(
  grads: readonly unknown[],
  shapes: readonly (readonly number[])[],
) {
  const action = "differentiate";
  if (grads.length !== shapes.length) {
    const is = `as many as inputs, ${shapes.length}`;
    refuse(action, "the gradients", is, grads.length);
  }
  for (const [i, g] of grads.entries()) {
    const name = `the gradient in input ${i}`;
    check(action, name, g, tensor);
    const shape = shapes[i]!;
    if (!tf.util.arraysEqual((g as tf.Tensor).shape, [...shape])) {
      refuse(action, name, `of shape [${shape.join(", ")}]`, g);
    }
  }
}

/**
 * `x`, as a constant: no gradient flows through it.
 *
 * @typeParam T The type of the tensor.
 * @param x Any tensor.
 * @returns A tensor that shares its memory.
 */
export function stopGradient<T extends tf.Tensor>(x: T): T {
  check("stop the gradient", "x", x, tensor);
  return engine().runKernelFunc({
    forwardFunc: () => tf.clone(x),
    backwardsFunc: () => ({}),
    inputs: {},
  }) as T;
}

/**
 * `fn`, with only its inputs kept for the gradient, and computed again in the backward
 * pass: less memory for more time (gradient checkpointing).
 *
 * Gradients flow to its tensor arguments and to the states it reads. The second run
 * begins with the same states as the first, so that random numbers are the same, and
 * its writes are undone. No gradient flows through values that it writes to states.
 *
 * {@link https://arxiv.org/abs/1604.06174 | Chen et al., 2016}.
 *
 * @example Usage
 * ```ts
 * import { autodiff, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const block = autodiff.recompute((x: tf.Tensor1D) => tf.square(tf.square(x)));
 * const gradient = autodiff.grad((x: tf.Tensor1D) => tf.sum(block(x)));
 * assertEquals([...await gradient(tf.tensor1d([1, 2])).data()], [4, 32]);
 * ```
 *
 * @typeParam A The arguments of `fn`.
 * @typeParam V What `fn` returns.
 * @param fn Returns one tensor.
 * @returns A function with the same arguments and value.
 */
export function recompute<A extends readonly unknown[], V extends tf.Tensor>(
  fn: (...args: A) => V,
): (...args: A) => V {
  check("recompute", "fn", fn, callable);
  return (...args) => {
    const argnums = args.flatMap((x, i) =>
      x instanceof tf.Tensor && x.dtype === "float32" ? [i] : []
    );
    // The engine reads this after the forward pass, which adds the states.
    const inputs: Record<string, tf.Tensor> = {};
    for (const i of argnums) inputs[`arg${i}`] = args[i] as tf.Tensor;
    const states: object[] = [];
    const plain = new Map<object, unknown>();
    const tensors = args.filter((x) => x instanceof tf.Tensor);

    return engine().runKernelFunc({
      inputs,
      forwardFunc(_, save) {
        const { value, from, originals } = record(() => fn(...args));
        for (const [state, original] of originals) {
          if (!(original instanceof tf.Tensor)) plain.set(state, original);
          else {
            // The tape knows the very tensor that the state held.
            inputs[`state${states.length}`] = original;
            states.push(state);
          }
        }
        save([...tensors, ...states.map((s) => from.get(s) as tf.Tensor)]);
        tf.dispose([...from.values()] as tf.TensorContainer);
        return value;
      },
      backwardsFunc(dy, saved) {
        const again = [...args] as unknown[];
        let next = 0;
        args.forEach((x, i) => {
          if (x instanceof tf.Tensor) again[i] = saved[next++];
        });
        const from = new Map(plain);
        states.forEach((state) => from.set(state, saved[next++]));
        const leaves = states.filter((state) =>
          (from.get(state) as tf.Tensor).dtype === "float32"
        );
        const outcome = differentiate({
          fn: fn as unknown as (...args: readonly unknown[]) => unknown,
          args: again,
          states: new Map(leaves.map((s) => [s as never, ""])),
          argnums,
          hasAux: false,
          checkStates: false,
          scalar: false,
          dy,
          from,
        });
        outcome.value.dispose();
        const grads: Record<string, () => tf.Tensor> = {};
        argnums.forEach((i, k) => grads[`arg${i}`] = () => outcome.args[k]!);
        states.forEach((state, k) => {
          const g = outcome.states.get(state as never);
          grads[`state${k}`] = () => g ?? tf.zerosLike(inputs[`state${k}`]!);
        });
        return grads;
      },
    }) as V;
  };
}
