/**
 * Averages, and metrics computed from averages.
 *
 * @module
 */
import { check, checkNoMore, either, tensor } from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { softmaxCrossEntropy } from "../losses/cross_entropy.ts";
import { checkSameShape } from "../losses/reduction.ts";
import { absoluteError, squaredError } from "../losses/regression.ts";
import { type Metric, notUpdated, Sums } from "./metric.ts";

const numberOrTensor = (value: unknown) =>
  typeof value === "number" ? either("a number")(value) : tensor(value);

/** The values as float32: a sum of integers may exceed their range. */
function asTensor(action: string, values: tf.Tensor | number): tf.Tensor {
  check(action, "values", values, numberOrTensor);
  return typeof values === "number"
    ? tf.scalar(values)
    : tf.cast(values, "float32");
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

  /**
   * Takes no arguments.
   *
   * @param none None.
   */
  constructor(...none: readonly never[]) {
    checkNoMore("create AverageMetric", none);
  }

  /** Forgets all batches. */
  reset(): void {
    this.#sums.reset();
  }

  /** Adds a batch of values. */
  update(values: tf.Tensor | number): void {
    this.#sums.add(() => {
      const x = asTensor("update AverageMetric", values);
      return tf.stack([tf.sum(x), tf.scalar(x.size)]);
    });
  }

  /** The mean; NaN of no values. */
  async compute(): Promise<number> {
    const [sum, count] = await this.#sums.read();
    return sum! / count!;
  }
}

/** The result of {@linkcode WelfordMetric}. */
export interface Spread {
  /** The mean; NaN of no values. */
  readonly mean: number;
  /** The standard deviation: the root of the biased variance. */
  readonly std: number;
  /** The standard error of the mean: `std / √count`. */
  readonly sem: number;
}

/**
 * Mean, standard deviation and standard error of all elements of all batches.
 *
 * Batches are merged by their means and squared deviations (Chan et al. 1979), so
 * that a large mean does not reduce the precision of the deviation.
 */
export class WelfordMetric implements Metric<[tf.Tensor | number], Spread> {
  #batches: Sums[] = [];

  /**
   * Takes no arguments.
   *
   * @param none None.
   */
  constructor(...none: readonly never[]) {
    checkNoMore("create WelfordMetric", none);
  }

  /** Forgets all batches. */
  reset(): void {
    this.#batches = [];
  }

  /** Adds a batch of values. */
  update(values: tf.Tensor | number): void {
    const sums = new Sums("WelfordMetric");
    sums.add(() => {
      const x = asTensor("update WelfordMetric", values);
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
      if (count === 0) continue;
      const difference = average! - mean;
      deviation += squares! + difference ** 2 * n * count! / (n + count!);
      n += count!;
      mean += difference * count! / n;
    }
    if (n === 0) mean = NaN;
    const std = Math.sqrt(deviation / n);
    return { mean, std, sem: std / Math.sqrt(n) };
  }
}

/**
 * The base of metrics that are a mean, of which lower values are better.
 *
 * @typeParam A The arguments of `update`.
 */
export abstract class MeanMetric<A extends readonly unknown[]>
  implements Metric<A, number> {
  /** Lower values are better. */
  readonly mode = "min";
  readonly #average: AverageMetric = new AverageMetric();

  /**
   * Takes no arguments.
   *
   * @param none None.
   */
  constructor(...none: readonly never[]) {
    checkNoMore(`create ${new.target.name}`, none);
  }

  /** Forgets all batches. */
  reset(): void {
    this.#average.reset();
  }

  /** Adds a batch. */
  update(...args: A): void {
    tf.tidy(() => {
      this.#average.update(this.values(...args));
    });
  }

  /** The mean. */
  compute(): Promise<number> {
    return this.#average.compute();
  }

  /** The values of a batch. */
  protected abstract values(...args: A): tf.Tensor;
}

/**
 * The mean squared error of all elements of all batches.
 *
 * Takes predictions and targets of the same shape.
 */
export class MeanSquaredErrorMetric
  extends MeanMetric<[predictions: tf.Tensor, targets: tf.Tensor]> {
  /** The squared errors of a batch. */
  protected override values(
    predictions: tf.Tensor,
    targets: tf.Tensor,
  ): tf.Tensor {
    checkSameShape("update MeanSquaredErrorMetric", predictions, targets);
    return squaredError(predictions, targets);
  }
}

/**
 * The mean absolute error of all elements of all batches, `mean(|p - t|)`.
 *
 * Takes predictions and targets of the same shape.
 */
export class MeanAbsoluteErrorMetric
  extends MeanMetric<[predictions: tf.Tensor, targets: tf.Tensor]> {
  /** The absolute errors of a batch. */
  protected override values(
    predictions: tf.Tensor,
    targets: tf.Tensor,
  ): tf.Tensor {
    checkSameShape("update MeanAbsoluteErrorMetric", predictions, targets);
    return absoluteError(predictions, targets);
  }
}

/**
 * The share of the targets' variance that predictions explain.
 *
 * ```text
 * 1 - Σ (t - p)² / Σ (t - mean(t))²
 * ```
 *
 * NaN if all targets are the same.
 */
export class R2ScoreMetric
  implements Metric<[predictions: tf.Tensor, targets: tf.Tensor], number> {
  /** Higher values are better. */
  readonly mode = "max";
  readonly #error: MeanSquaredErrorMetric = new MeanSquaredErrorMetric();
  readonly #targets: WelfordMetric = new WelfordMetric();

  /**
   * Takes no arguments.
   *
   * @param none None.
   */
  constructor(...none: readonly never[]) {
    checkNoMore("create R2ScoreMetric", none);
  }

  /** Forgets all batches. */
  reset(): void {
    this.#error.reset();
    this.#targets.reset();
  }

  /** Adds a batch of predictions and targets of the same shape. */
  update(predictions: tf.Tensor, targets: tf.Tensor): void {
    this.#error.update(predictions, targets);
    this.#targets.update(targets);
  }

  /** The score: 1 if all predictions are right. */
  async compute(): Promise<number> {
    const error = await this.#error.compute();
    const { mean, std } = await this.#targets.compute();
    // The mean of equal numbers may be rounded, to the last bit of float32.
    const isConstant = std <= Math.abs(mean) * 2 ** -23;
    return isConstant ? NaN : 1 - error / std ** 2;
  }
}

/**
 * `e` to the mean cross entropy: the number of equally likely classes with the same
 * cross entropy.
 *
 * Takes logits `[..., classes]` and integer labels `[...]`.
 */
export class PerplexityMetric
  extends MeanMetric<[logits: tf.Tensor, labels: tf.Tensor]> {
  /** The cross entropies of a batch. */
  protected override values(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor {
    return softmaxCrossEntropy(logits, labels);
  }

  /** The perplexity. */
  override async compute(): Promise<number> {
    return Math.exp(await super.compute());
  }
}
