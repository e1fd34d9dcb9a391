/**
 * Gradients that are summed while they are found.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { adopt } from "../memory.ts";

/** The sum of the gradients in each of several tensors or states. */
export class GradientSums {
  readonly #sums = new Map<object, tf.Tensor>();

  /** Add a gradient in `x`, which is copied. */
  add(x: object, gradient: tf.Tensor): void {
    const before = this.#sums.get(x);
    const sum = before ? tf.add(before, gradient) : tf.clone(gradient);
    this.#sums.set(x, tf.keep(sum));
    before?.dispose();
  }

  /** Add a gradient in `x`, if there is one. */
  addIfAny(x: object, gradient: tf.Tensor | null | undefined): void {
    if (gradient) this.add(x, gradient);
  }

  /** The sum in `x`, which is forgotten; it is freed with the open scope. */
  take(x: object): tf.Tensor | undefined {
    const sum = this.#sums.get(x);
    this.#sums.delete(x);
    if (sum) adopt(sum);
    return sum;
  }

  /** A copy of the sum in `x`, or zeros. */
  of(x: tf.Tensor): tf.Tensor {
    const sum = this.#sums.get(x);
    return sum ? tf.clone(sum) : tf.zeros(x.shape);
  }

  /** Give all sums to the open scope. */
  adopt(): this {
    for (const sum of this.#sums.values()) adopt(sum);
    return this;
  }

  /** Free all sums. */
  dispose(): void {
    tf.dispose([...this.#sums.values()]);
    this.#sums.clear();
  }
}
