/**
 * What happens to gradients between backward pass and optimizer.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { scope } from "../memory.ts";
import { mapNamed, type Tensors } from "../tensors.ts";

/** The weighted mean of gradients and losses over several batches. */
export class GradientMean {
  /** How many batches have been added. */
  batches = 0;
  #grads: Tensors | undefined;
  #loss: tf.Scalar | undefined;
  #weight = 0;

  /**
   * Add a batch and take ownership of its tensors.
   *
   * @param grads The gradients of its mean loss.
   * @param loss The mean loss.
   * @param weight The number of its examples.
   * @param alone Whether it is the only batch; then nothing is copied.
   */
  add(grads: Tensors, loss: tf.Scalar, weight: number, alone: boolean): void {
    this.batches++;
    if (alone) {
      this.#grads = grads;
      this.#loss = loss;
      this.#weight = 1;
      return;
    }
    const before = { grads: this.#grads, loss: this.#loss };
    const weigh = <T extends tf.Tensor>(x: T, sum: T | undefined): T => {
      const weighted = tf.mul<T>(x, weight);
      return sum ? tf.add<T>(sum, weighted) : weighted;
    };
    const next = scope(() => ({
      grads: mapNamed(grads, (x, name) => weigh(x, before.grads?.[name])),
      loss: weigh(loss, before.loss),
    }));
    tf.dispose([{ ...grads }, loss, { ...before.grads }]);
    before.loss?.dispose();
    this.#grads = next.grads;
    this.#loss = next.loss;
    this.#weight += weight;
  }

  /** The mean of what was added, which the caller owns; starts a new mean. */
  take(): { grads: Tensors; loss: tf.Scalar } {
    const [grads, loss, weight] = [this.#grads!, this.#loss!, this.#weight];
    this.#clear();
    if (weight === 1) return { grads, loss };
    const means = scope(() => ({
      grads: mapNamed(grads, (x) => tf.div(x, weight)),
      loss: tf.div<tf.Scalar>(loss, weight),
    }));
    tf.dispose([{ ...grads }, loss]);
    return means;
  }

  /** Free what was added. */
  dispose(): void {
    tf.dispose({ ...this.#grads });
    this.#loss?.dispose();
    this.#clear();
  }

  #clear(): void {
    this.#grads = undefined;
    this.#loss = undefined;
    this.#weight = 0;
    this.batches = 0;
  }
}

/** Limit each element to [-limit, limit]; frees `grads`. */
export function clipByValue(grads: Tensors, limit: number): Tensors {
  const clipped = scope(() =>
    mapNamed(grads, (g) => tf.clipByValue(g, -limit, limit))
  );
  tf.dispose({ ...grads });
  return clipped;
}
