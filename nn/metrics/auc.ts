/**
 * The area under a curve.
 *
 * @module
 */
import * as tf from "../../tf.ts";
import { type Metric, notUpdated, Sums } from "./metric.ts";

/**
 * The area under the receiver operating characteristic: how likely a positive has a
 * higher score than a negative, ties counting half.
 *
 * Exact: it keeps all scores on the host and sorts them. Takes scores of any shape,
 * and targets of the same shape, 0 or 1. Not a number while one of both is missing.
 */
export class AUCMetric
  implements Metric<[scores: tf.Tensor, targets: tf.Tensor], number> {
  #batches: Sums[] = [];

  /** Forget everything. */
  reset(): void {
    this.#batches = [];
  }

  /** Take a batch into account. */
  update(scores: tf.Tensor, targets: tf.Tensor): void {
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
