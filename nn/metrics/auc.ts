/**
 * The area under a curve.
 *
 * @module
 */
import { check, tensor } from "../../check.ts";
import * as tf from "../../tf.ts";
import { type Metric, notUpdated, Sums } from "./metric.ts";

/**
 * The area under the receiver operating characteristic: the probability that a
 * positive has a higher score than a negative, ties counting half.
 *
 * It is exact: all scores are kept on the host and sorted. Scores have any shape,
 * targets the same shape, with values 0 and 1. NaN without positives or negatives.
 */
export class AUCMetric
  implements Metric<[scores: tf.Tensor, targets: tf.Tensor], number> {
  /** Higher values are better. */
  readonly mode = "max";
  #batches: Sums[] = [];

  /** Forgets all batches. */
  reset(): void {
    this.#batches = [];
  }

  /** Adds a batch. */
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
    sums.add(() =>
      tf.stack([
        tf.reshape(scores, [scores.size]),
        tf.cast(tf.reshape(targets, [targets.size]), "float32"),
      ])
    );
    this.#batches.push(sums);
  }

  /** The area, between 0 and 1. */
  async compute(): Promise<number> {
    const batches = await Promise.all(this.#batches.map((sums) => sums.read()));
    if (batches.length === 0) throw notUpdated("AUCMetric");
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
