/**
 * Scores of each class, averaged.
 *
 * @module
 */
import type * as tf from "../../tf.ts";
import { type Classified, ConfusionMatrix } from "./classification.ts";
import type { Metric } from "./metric.ts";

/** Options of {@linkcode PrecisionMetric}, {@linkcode RecallMetric} and {@linkcode F1ScoreMetric}. */
export interface AveragedOptions {
  /**
   * `"macro"`: the mean over classes; `"weighted"`: the mean weighted by how often
   * a label occurs; `"micro"`: of all decisions together, which is the accuracy.
   * Default: `"macro"`.
   */
  readonly average?: "macro" | "weighted" | "micro";
}

/** What the scores of a class are made of. */
export interface ClassCounts {
  /** How often it was predicted where it is the label. */
  readonly right: number;
  /** How often it was predicted. */
  readonly predicted: number;
  /** How often it is the label. */
  readonly labelled: number;
}

/** 0 / 0 is 0: what never occurs scores nothing. */
function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

/** A score of each class, averaged. */
export abstract class AveragedMetric implements Metric<Classified, number> {
  readonly #matrix: ConfusionMatrix;
  readonly #average: "macro" | "weighted" | "micro";

  /**
   * Count from nothing.
   *
   * @param classes How many classes there are.
   * @param options See {@linkcode AveragedOptions}.
   */
  constructor(classes: number, { average = "macro" }: AveragedOptions = {}) {
    this.#matrix = new ConfusionMatrix(classes);
    if (!["macro", "weighted", "micro"].includes(average)) {
      throw new TypeError(
        `Cannot create ${new.target.name}: average must be "macro", "weighted" or "micro": current value is ${average}`,
      );
    }
    this.#average = average;
  }

  /** Forget everything. */
  reset(): void {
    this.#matrix.reset();
  }

  /** Take a batch into account. */
  update(scores: tf.Tensor, labels: tf.Tensor): void {
    this.#matrix.update(scores, labels);
  }

  /** The averaged score. */
  async compute(): Promise<number> {
    const matrix = await this.#matrix.compute();
    const sum = (values: readonly number[]) =>
      values.reduce((a, b) => a + b, 0);
    const classes = matrix.map((row, i): ClassCounts => ({
      right: row[i]!,
      predicted: sum(matrix.map((other) => other[i]!)),
      labelled: sum(row),
    }));
    const total = (key: keyof ClassCounts) => sum(classes.map((c) => c[key]));
    if (this.#average === "micro") {
      return this.score({
        right: total("right"),
        predicted: total("predicted"),
        labelled: total("labelled"),
      });
    }
    const scores = classes.map((counts) => this.score(counts));
    if (this.#average === "macro") return sum(scores) / scores.length;
    const weighted = scores.map((score, i) => score * classes[i]!.labelled);
    return sum(weighted) / total("labelled");
  }

  /** The score of one class. */
  protected abstract score(counts: ClassCounts): number;
}

/** The share of predictions of a class that are right, averaged over classes. */
export class PrecisionMetric extends AveragedMetric {
  /** The score of one class. */
  protected override score({ right, predicted }: ClassCounts): number {
    return ratio(right, predicted);
  }
}

/** The share of labels of a class that are predicted, averaged over classes. */
export class RecallMetric extends AveragedMetric {
  /** The score of one class. */
  protected override score({ right, labelled }: ClassCounts): number {
    return ratio(right, labelled);
  }
}

/** The harmonic mean of precision and recall of a class, averaged over classes. */
export class F1ScoreMetric extends AveragedMetric {
  /** The score of one class. */
  protected override score(
    { right, predicted, labelled }: ClassCounts,
  ): number {
    return ratio(2 * right, predicted + labelled);
  }
}
