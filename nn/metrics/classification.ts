/**
 * Accuracy and the confusion matrix.
 *
 * @module
 */
import {
  check,
  checkNoMore,
  checkOptions,
  type OptionRules,
  tensor,
} from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { checkLabels } from "../losses/labels.ts";
import { type Metric, Sums } from "./metric.ts";

/** Scores `[..., classes]`, such as logits, and integer labels `[...]`. */
export type Classified = [scores: tf.Tensor, labels: tf.Tensor];

/** Throws unless the labels have the shape of the rows of the scores. */
function checkClassified(name: string, scores: tf.Tensor, labels: tf.Tensor) {
  const action = `update ${name}`;
  check(action, "scores", scores, tensor);
  check(action, "labels", labels, tensor);
  const rows = scores.shape.slice(0, -1);
  if (scores.rank === 0 || !tf.util.arraysEqual(rows, labels.shape)) {
    throw new RangeError(
      `Cannot ${action}: labels must have the shape of the scores without the last axis: current shapes are [${
        labels.shape.join(", ")
      }] and [${scores.shape.join(", ")}]`,
    );
  }
}

/**
 * The weight of each row: 1, or NaN where no prediction is right, which is where a score
 * is NaN, or a label that cannot be read at once is not a class.
 *
 * @throws {RangeError} If a label that can be read at once is not a class.
 */
function rowWeights(
  name: string,
  scores: tf.Tensor,
  labels: tf.Tensor,
): tf.Tensor {
  const classes = scores.shape.at(-1)!;
  const valid = checkLabels(`update ${name}`, labels, { classes });
  const isNaN = tf.any(tf.isNaN(tf.cast(scores, "float32")), -1);
  const weights = tf.where(isNaN, tf.scalar(NaN), tf.ones(isNaN.shape));
  return valid ? tf.mul(weights, valid) : weights;
}

/** Options of {@linkcode AccuracyMetric}. */
export interface AccuracyOptions {
  /** The number of highest scores among which the label must be. Default: 1. */
  readonly topK?: number;
}

const RULES: OptionRules<AccuracyOptions> = { topK: "a positive integer" };

/**
 * The share of labels that have the highest score, or are among the `topK` highest.
 *
 * A label is among them if fewer than `topK` classes have a higher score.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const metric = new nn.AccuracyMetric();
 * const scores = tf.tensor2d([[1, 5, 2], [7, 1, 0]]);
 * metric.update(scores, tf.tensor1d([1, 2], "int32"));
 * assertEquals(await metric.compute(), 0.5);
 * ```
 */
export class AccuracyMetric implements Metric<Classified, number> {
  /** Higher values are better. */
  readonly mode = "max";
  readonly #sums: Sums = new Sums("AccuracyMetric");
  readonly #topK: number;

  /**
   * Keep the settings.
   *
   * @param options See {@linkcode AccuracyOptions}.
   */
  constructor(options: AccuracyOptions = {}) {
    checkOptions("create AccuracyMetric", options, RULES);
    this.#topK = options.topK ?? 1;
  }

  /** Forgets all batches. */
  reset(): void {
    this.#sums.reset();
  }

  /**
   * Adds a batch.
   *
   * @throws {RangeError} If a label is not a class. On WebGPU the share is NaN then.
   */
  update(scores: tf.Tensor, labels: tf.Tensor): void {
    checkClassified("AccuracyMetric", scores, labels);
    if (labels.size === 0) return;
    this.#sums.add(() => {
      const weights = rowWeights("AccuracyMetric", scores, labels);
      const right = this.#topK === 1
        ? tf.equal(tf.argMax(scores, -1), tf.cast(labels, "int32"))
        : this.#within(scores, labels);
      const count = tf.sum(tf.mul(tf.cast(right, "float32"), weights));
      return tf.stack([count, tf.scalar(labels.size)]);
    });
  }

  /** The share of right predictions. */
  async compute(): Promise<number> {
    const [right, count] = await this.#sums.read();
    return right! / count!;
  }

  #within(scores: tf.Tensor, labels: tf.Tensor): tf.Tensor {
    const classes = scores.shape.at(-1)!;
    const label = tf.cast(
      tf.oneHot(tf.cast(labels, "int32"), classes),
      "float32",
    );
    const own = tf.sum(tf.mul(label, scores), -1, true);
    const above = tf.sum(tf.cast(tf.greater(scores, own), "float32"), -1);
    return tf.less(above, this.#topK);
  }
}

/** Counts of labels and predictions, for a metric that errors call by its name. */
export class ClassCounter {
  readonly #name: string;
  readonly #sums: Sums;
  readonly #classes: number;

  /** Begin without counts. */
  constructor(name: string, classes: number) {
    check(`create ${name}`, "classes", classes, "a positive integer");
    this.#name = name;
    this.#sums = new Sums(name);
    this.#classes = classes;
  }

  /** Forgets all batches. */
  reset(): void {
    this.#sums.reset();
  }

  /** Adds a batch. */
  add(scores: tf.Tensor, labels: tf.Tensor): void {
    const name = this.#name;
    checkClassified(name, scores, labels);
    if (scores.shape.at(-1) !== this.#classes) {
      throw new RangeError(
        `Cannot update ${name}: scores must have shape [..., ${this.#classes}]: current shape is [${
          scores.shape.join(", ")
        }]`,
      );
    }
    if (labels.size === 0) return;
    this.#sums.add(() => {
      const rows = (x: tf.Tensor) =>
        tf.cast(
          tf.oneHot(tf.reshape(tf.cast(x, "int32"), [x.size]), this.#classes),
          "float32",
        ) as tf.Tensor2D;
      const weights = rowWeights(name, scores, labels);
      const counts = tf.matMul(
        tf.mul(rows(labels), tf.reshape(weights, [labels.size, 1])),
        rows(tf.argMax(scores, -1)),
        true,
      );
      return tf.reshape(counts, [-1]);
    });
  }

  /** The counts: `[label][prediction]`. */
  async read(): Promise<number[][]> {
    const counts = await this.#sums.read();
    const n = this.#classes;
    return Array.from(
      { length: n },
      (_, i) => [...counts.subarray(i * n, (i + 1) * n)],
    );
  }
}

/**
 * The number of predictions of each class for each label.
 *
 * Rows are labels, columns the classes with the highest score.
 */
export class ConfusionMatrix implements Metric<Classified, number[][]> {
  readonly #counter: ClassCounter;

  /**
   * Begin without counts.
   *
   * @param classes The number of classes.
   * @param none No more arguments.
   */
  constructor(classes: number, ...none: readonly never[]) {
    checkNoMore("create ConfusionMatrix", none);
    this.#counter = new ClassCounter("ConfusionMatrix", classes);
  }

  /** Forgets all batches. */
  reset(): void {
    this.#counter.reset();
  }

  /**
   * Adds a batch.
   *
   * @throws {RangeError} If a label is not a class. On WebGPU the counts are NaN then.
   */
  update(scores: tf.Tensor, labels: tf.Tensor): void {
    this.#counter.add(scores, labels);
  }

  /** The counts: `matrix[label][prediction]`. */
  async compute(): Promise<number[][]> {
    return await this.#counter.read();
  }
}
