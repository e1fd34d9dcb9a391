/**
 * Precision, recall and F1, averaged over classes.
 *
 * @module
 */
import { checkOptions, oneOf, type OptionRules } from "../../internal/check.ts";
import type * as tf from "../../tf.ts";
import { ClassCounter, type Classified } from "./classification.ts";
import type { Metric } from "./metric.ts";

/** Options of {@linkcode PrecisionMetric}, {@linkcode RecallMetric} and {@linkcode F1ScoreMetric}. */
export interface AveragedOptions {
  /**
   * `"macro"`: the mean over classes; `"weighted"`: the mean weighted by the number of
   * labels of each class; `"micro"`: over all predictions together, which is the
   * accuracy. Default: `"macro"`.
   */
  readonly average?: "macro" | "weighted" | "micro";
}

const RULES: OptionRules<AveragedOptions> = {
  average: oneOf("macro", "weighted", "micro"),
};

/** The counts of a class. */
export interface ClassCounts {
  /** The number of right predictions of the class. */
  readonly right: number;
  /** The number of predictions of the class. */
  readonly predicted: number;
  /** The number of labels of the class. */
  readonly labelled: number;
}

/** `a / b`, and 0 if `b` is 0: the score of a class that does not occur. */
function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

/** A score of each class, averaged. */
export abstract class AveragedMetric implements Metric<Classified, number> {
  /** Higher values are better. */
  readonly mode = "max";
  readonly #counter: ClassCounter;
  readonly #average: "macro" | "weighted" | "micro";

  /**
   * Begin without counts.
   *
   * @param classes The number of classes.
   * @param options See {@linkcode AveragedOptions}.
   */
  constructor(classes: number, options: AveragedOptions = {}) {
    const { name } = new.target;
    this.#counter = new ClassCounter(name, classes);
    checkOptions(`create ${name}`, options, RULES);
    this.#average = options.average ?? "macro";
  }

  /** Forgets all batches. */
  reset(): void {
    this.#counter.reset();
  }

  /** Adds a batch. */
  update(scores: tf.Tensor, labels: tf.Tensor): void {
    this.#counter.add(scores, labels);
  }

  /** The averaged score; NaN without labels. */
  async compute(): Promise<number> {
    const matrix = await this.#counter.read();
    const sum = (values: readonly number[]) =>
      values.reduce((a, b) => a + b, 0);
    const classes = matrix.map((row, i): ClassCounts => ({
      right: row[i]!,
      predicted: sum(matrix.map((other) => other[i]!)),
      labelled: sum(row),
    }));
    const total = (key: keyof ClassCounts) => sum(classes.map((c) => c[key]));
    if (total("labelled") === 0) return NaN;
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

/** `right / predicted` of each class, averaged over classes. */
export class PrecisionMetric extends AveragedMetric {
  /** The score of one class. */
  protected override score({ right, predicted }: ClassCounts): number {
    return ratio(right, predicted);
  }
}

/** `right / labelled` of each class, averaged over classes. */
export class RecallMetric extends AveragedMetric {
  /** The score of one class. */
  protected override score({ right, labelled }: ClassCounts): number {
    return ratio(right, labelled);
  }
}

/** The harmonic mean of precision and recall of each class, averaged over classes. */
export class F1ScoreMetric extends AveragedMetric {
  /** The score of one class. */
  protected override score(
    { right, predicted, labelled }: ClassCounts,
  ): number {
    return ratio(2 * right, predicted + labelled);
  }
}
