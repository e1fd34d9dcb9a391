/**
 * What happens to gradients between the tape and the optimizer.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { scope } from "../memory.ts";
import { mapNamed, type Tensors } from "../tensors.ts";

/** The sum of gradients over several batches. */
export class GradientSum {
  /** How many batches are in it. */
  batches = 0;
  #grads: Tensors | undefined;
  #loss: tf.Scalar | undefined;
  #weight = 0;

  /**
   * Add a batch; its tensors are taken over.
   *
   * @param grads The gradients of its mean loss.
   * @param loss The mean loss.
   * @param weight The examples in it.
   * @param alone Whether it is the only batch: then nothing is copied.
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

  /** The weighted mean of what was added, which the caller owns; empties the sum. */
  take(): { grads: Tensors; loss: tf.Scalar } {
    const [grads, loss, weight] = [this.#grads!, this.#loss!, this.#weight];
    this.#forget();
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
    this.#forget();
  }

  #forget(): void {
    this.#grads = undefined;
    this.#loss = undefined;
    this.#weight = 0;
    this.batches = 0;
  }
}

/** Limit each element to [-limit, limit]; frees what it is given. */
export function clipByValue(grads: Tensors, limit: number): Tensors {
  const clipped = scope(() =>
    mapNamed(grads, (g) => tf.clipByValue(g, -limit, limit))
  );
  tf.dispose({ ...grads });
  return clipped;
}
