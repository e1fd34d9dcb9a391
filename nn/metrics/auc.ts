/**
 * The area under a curve.
 *
 * @module
 */
import { check, checkNoMore, tensor } from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { checkLabels } from "../losses/labels.ts";
import { type Metric, notUpdated, Sums } from "./metric.ts";

/**
 * The area under the receiver operating characteristic: the probability that a
 * positive has a higher score than a negative, ties counting half.
 *
 * It is exact: all scores are kept on the host and sorted. Scores have any shape,
 * targets the same shape, with values 0 and 1. NaN without positives or negatives, or if
 * a score is NaN.
 */
export class AUCMetric
  implements Metric<[scores: tf.Tensor, targets: tf.Tensor], number> {
  /** Higher values are better. */
  readonly mode = "max";
  #batches: Sums[] = [];

  /**
   * Takes no arguments.
   *
   * @param none None.
   */
  constructor(...none: readonly never[]) {
    checkNoMore("create AUCMetric", none);
  }

  /** Forgets all batches. */
  reset(): void {
    this.#batches = [];
  }

  /**
   * Adds a batch.
   *
   * @throws {RangeError} If a target is neither 0 nor 1. On WebGPU the area is NaN then.
   */
  update(scores: tf.Tensor, targets: tf.Tensor): void {
    check("update AUCMetric", "scores", scores, tensor);
    check("update AUCMetric", "targets", targets, tensor);
    if (!tf.util.arraysEqual(scores.shape, targets.shape)) {
      throw new RangeError(
        `Cannot update AUCMetric: scores and targets must have the same shape: current shapes are [${
          scores.shape.join(", ")
        }] and [${targets.shape.join(", ")}]`,
      );
    }
    const sums = new Sums("AUCMetric");
    sums.add(() => {
      const range = { classes: 2, name: "targets" };
      const valid = checkLabels("update AUCMetric", targets, range);
      const floats = (x: tf.Tensor) =>
        tf.reshape(tf.cast(x, "float32"), [x.size]);
      const known = valid ? tf.mul(valid, targets) : targets;
      return tf.stack([floats(scores), floats(known)]);
    });
    this.#batches.push(sums);
  }

  /** The area, between 0 and 1. */
  async compute(): Promise<number> {
    const batches = await Promise.all(this.#batches.map((sums) => sums.read()));
    if (batches.length === 0) throw notUpdated("AUCMetric");
    if (batches.some((values) => values.some(Number.isNaN))) return NaN;
    const pairs = batches.flatMap((values) => {
      const count = values.length / 2;
      return Array.from(
        { length: count },
        (_, i) => ({ score: values[i]!, positive: values[count + i]! > 0.5 }),
      );
    }).sort((a, b) => a.score - b.score);
    let [negatives, positives, area] = [0, 0, 0];
    for (let i = 0; i < pairs.length;) {
      let [tiedNegatives, tiedPositives] = [0, 0];
      const { score } = pairs[i]!;
      for (; i < pairs.length && pairs[i]!.score === score; i++) {
        if (pairs[i]!.positive) tiedPositives++;
        else tiedNegatives++;
      }
      area += tiedPositives * (negatives + tiedNegatives / 2);
      negatives += tiedNegatives;
      positives += tiedPositives;
    }
    return area / (negatives * positives);
  }
}
