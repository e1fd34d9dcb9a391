/**
 * Orthogonal matrices.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import * as random from "../../random.ts";
import type { RandomState } from "../../random.ts";
import { probit } from "../../random/normal.ts";
import { type Initializer, matrix } from "./initializer.ts";

/** Options of {@linkcode Orthogonal}. */
export interface OrthogonalOptions {
  /** The factor of the matrix. Default: 1. */
  readonly scale?: number;
}

const RULES: OptionRules<OrthogonalOptions> = { scale: "a number" };

/**
 * A matrix with orthonormal rows or columns (whichever are fewer), times `scale`.
 *
 * The columns are the last axis, the rows all others. Uniform among
 * such matrices (Saxe et al. 2014, "Exact solutions to the nonlinear dynamics of
 * learning in deep linear neural networks").
 */
export class Orthogonal implements Initializer {
  readonly #scale: number;

  /**
   * Keep the settings.
   *
   * @param options See {@linkcode OrthogonalOptions}.
   */
  constructor(options: OrthogonalOptions = {}) {
    checkOptions("create Orthogonal", options, RULES);
    this.#scale = options.scale ?? 1;
  }

  /** A new tensor of `shape`. */
  init(
    shape: readonly number[],
    stream: RandomState = random.default,
  ): tf.Tensor {
    const [, columns] = matrix("Orthogonal", shape);
    const rows = tf.util.sizeFromShape([...shape]) / Math.max(columns, 1);
    const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)];
    const vectors = orthonormal(count, length, stream);
    const values = new Float32Array(rows * columns);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        values[i * columns + j] = this.#scale *
          (rows < columns ? vectors[i]![j]! : vectors[j]![i]!);
      }
    }
    return tf.tensor(values, [...shape]);
  }
}

/** `count` random vectors, each of norm 1 and orthogonal to the others. */
function orthonormal(
  count: number,
  length: number,
  stream: RandomState,
): Float64Array[] {
  const vectors: Float64Array[] = [];
  for (let i = 0; i < count; i++) {
    const vector = Float64Array.from(
      stream.words(length),
      (word) => probit((word + 0.5) / 2 ** 32),
    );
    // Gram-Schmidt twice, since rounding leaves the first result a little oblique.
    for (const other of [...vectors, ...vectors]) {
      const overlap = dot(other, vector);
      for (let j = 0; j < length; j++) vector[j]! -= overlap * other[j]!;
    }
    const norm = Math.sqrt(dot(vector, vector));
    vectors.push(vector.map((x) => x / norm));
  }
  return vectors;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
