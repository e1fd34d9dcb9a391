/**
 * Averages, spreads, and what is made of them.
 *
 * @module
 */
import * as tf from "../../tf.ts";
import { checkSameShape } from "../losses/reduction.ts";
import { softmaxCrossEntropy } from "../losses/cross_entropy.ts";
import { type Metric, notUpdated, Sums } from "./metric.ts";

/** What a tensor or a number is as a tensor. */
function tensor(values: tf.Tensor | number): tf.Tensor {
  return typeof values === "number" ? tf.scalar(values) : values;
}

/**
 * The mean of all elements of all batches, such as losses.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const metric = new nn.AverageMetric();
 * metric.update(tf.tensor1d([1, 2, 3]));
 * metric.update(10);
 * assertEquals(await metric.compute(), 4);
 * ```
 */
export class AverageMetric implements Metric<[tf.Tensor | number], number> {
  readonly #sums: Sums = new Sums("AverageMetric");

  /** Forget everything. */
  reset(): void {
    this.#sums.reset();
  }

  /** Take a batch of values into account. */
  update(values: tf.Tensor | number): void {
    this.#sums.add(() => {
      const x = tensor(values);
      return tf.stack([tf.sum(x), tf.scalar(x.size)]);
    });
  }

  /** The mean. */
  async compute(): Promise<number> {
    const [sum, count] = await this.#sums.read();
    return sum! / count!;
  }
}

/** What {@linkcode WelfordMetric} computes. */
export interface Spread {
  /** The mean. */
  readonly mean: number;
  /** The standard deviation: of the biased variance. */
  readonly std: number;
  /** The standard error of the mean: the deviation over the root of the count. */
  readonly sem: number;
}

/**
 * Mean, standard deviation and standard error of all elements of all batches.
 *
 * Batches are merged by their means and squared deviations (Chan et al. 1979), so a
 * large mean takes no digits from the deviation.
 */
export class WelfordMetric implements Metric<[tf.Tensor | number], Spread> {
  #batches: Sums[] = [];

  /** Forget everything. */
  reset(): void {
    this.#batches = [];
  }

  /** Take a batch of values into account. */
  update(values: tf.Tensor | number): void {
    const sums = new Sums("WelfordMetric");
    sums.add(() => {
      const x = tensor(values);
      const mean = tf.mean(x);
      const deviation = tf.sum(tf.square(tf.sub(x, mean)));
      return tf.stack([tf.scalar(x.size), mean, deviation]);
    });
    this.#batches.push(sums);
  }

  /** Mean and spread. */
  async compute(): Promise<Spread> {
    const batches = await Promise.all(this.#batches.map((sums) => sums.read()));
    if (batches.length === 0) throw notUpdated("WelfordMetric");
    let [n, mean, deviation] = [0, 0, 0];
    for (const [count, average, squares] of batches) {
      const difference = average! - mean;
      deviation += squares! + difference ** 2 * n * count! / (n + count!);
      n += count!;
      mean += difference * count! / n;
    }
    const std = Math.sqrt(deviation / n);
    return { mean, std, sem: std / Math.sqrt(n) };
  }
}

/** The mean squared error of all elements of all batches. */
export class MeanSquaredErrorMetric
  implements Metric<[predictions: tf.Tensor, targets: tf.Tensor], number> {
  readonly #average: AverageMetric = new AverageMetric();

  /** Forget everything. */
  reset(): void {
    this.#average.reset();
  }

  /** Take a batch of predictions and targets of the same shape into account. */
  update(predictions: tf.Tensor, targets: tf.Tensor): void {
    checkSameShape("MeanSquaredErrorMetric", predictions, targets);
    tf.tidy(() => {
      this.#average.update(tf.square(tf.sub(predictions, targets)));
    });
  }

  /** The mean squared error. */
  compute(): Promise<number> {
    return this.#average.compute();
  }
}

/**
 * The share of the targets' variance that predictions explain.
 *
 * ```text
 * 1 - Σ (t - p)² / Σ (t - mean(t))²
 * ```
 *
 * Not a number if all targets are the same.
 */
export class R2ScoreMetric
  implements Metric<[predictions: tf.Tensor, targets: tf.Tensor], number> {
  readonly #error: MeanSquaredErrorMetric = new MeanSquaredErrorMetric();
  readonly #targets: WelfordMetric = new WelfordMetric();

  /** Forget everything. */
  reset(): void {
    this.#error.reset();
    this.#targets.reset();
  }

  /** Take a batch of predictions and targets of the same shape into account. */
  update(predictions: tf.Tensor, targets: tf.Tensor): void {
    this.#error.update(predictions, targets);
    this.#targets.update(targets);
  }

  /** The score: 1 if all predictions are right. */
  async compute(): Promise<number> {
    const error = await this.#error.compute();
    const { std } = await this.#targets.compute();
    return 1 - error / std ** 2;
  }
}

/**
 * `e` to the mean cross entropy: among how many classes a model wavers.
 *
 * Takes logits `[..., classes]` and integer labels `[...]`.
 */
export class PerplexityMetric
  implements Metric<[logits: tf.Tensor, labels: tf.Tensor], number> {
  readonly #average: AverageMetric = new AverageMetric();

  /** Forget everything. */
  reset(): void {
    this.#average.reset();
  }

  /** Take a batch of logits and labels into account. */
  update(logits: tf.Tensor, labels: tf.Tensor): void {
    tf.tidy(() => {
      this.#average.update(softmaxCrossEntropy(logits, labels));
    });
  }

  /** The perplexity. */
  async compute(): Promise<number> {
    return Math.exp(await this.#average.compute());
  }
}
