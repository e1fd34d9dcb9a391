/**
 * The direction of SOFO: a Gauss-Newton step in the space of a few random directions.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { linearize, valueAndGrad } from "../../autodiff/mod.ts";
import { inFullPrecision } from "../../backend/precision.ts";
import { refuse } from "../../internal/check.ts";
import { scope } from "../../memory.ts";
import type { States } from "../../state.ts";
import { mapNamed, type Tensors } from "../../tensors.ts";
import { vmap } from "../../vmap/mod.ts";
import { symmetricEigen } from "../linear_algebra/symmetric_eigen.ts";

/** What the direction is computed from. */
export interface Task {
  /** What cannot be done, in errors. */
  readonly action: string;
  /** The parameters, by path. */
  readonly params: States;
  /** Draws for each parameter `k` directions: `[k, ...shape]`. */
  readonly draw: () => Tensors;
  /** Computes the predictions, `[samples, outputs]`. */
  readonly predict: () => tf.Tensor;
  /** The mean loss of the predictions. */
  readonly lossFn: (predictions: tf.Tensor2D) => tf.Scalar;
  /** What the loss is, of which the curvature in the predictions is taken. */
  readonly loss: "mse" | "ce";
  /** What is added to the eigenvalues, as a share of the largest. */
  readonly damping: number;
}

/** The direction, and the loss where it begins. */
export interface Descent {
  /** By path; the caller's. */
  readonly direction: Record<string, tf.Tensor>;
  /** The loss. */
  readonly loss: number;
}

/** The matrix and vectors of the step, before they are read. */
interface Sketch {
  /** The `k` directions, each of norm 1. */
  readonly directions: Record<string, tf.Tensor>;
  /** The number of directions. */
  readonly count: number;
  /** The curvature along each pair, the slope along each direction, and the loss. */
  readonly numbers: tf.Tensor1D;
}

/** The least number that an eigenvalue counts as: the spacing of float32 at 1. */
const LEAST = 2 ** -23;

/**
 * ```text
 * T_i = J v_i                       the predictions along direction i
 * A_ij = mean over samples of T_iᵀ H T_j      b_i = ∇Lᵀ T_i
 * A = U diag(s) Uᵀ      c = U diag(1 / max(s + damping max(s), ε)) Uᵀ b
 * direction = Σ c_i v_i
 * ```
 *
 * `H` is the identity for `"mse"`, and for `"ce"` that of a softmax `p`,
 * `diag(p) - p pᵀ`.
 */
export async function descent(task: Task): Promise<Descent> {
  const sketch = scope(() => sketched(task)) as Sketch;
  try {
    const values = Float64Array.from(await sketch.numbers.data());
    const size = sketch.count;
    const loss = values.at(-1)!;
    if (!values.every(Number.isFinite)) {
      throw new RangeError(
        `Cannot ${task.action}: the loss and its derivatives must be finite: the loss is ${loss}`,
      );
    }
    const rows = Array.from(
      { length: size },
      (_, i) => values.slice(i * size, (i + 1) * size),
    );
    const slopes = values.slice(size * size, size * size + size);
    const weights = solve(rows, slopes, task.damping);
    return { direction: combined(sketch.directions, weights), loss };
  } finally {
    tf.dispose([{ ...sketch.directions }, sketch.numbers]);
  }
}

/** All that needs the model, which runs once. */
function sketched(task: Task): Sketch {
  const { params, predict } = task;
  const directions = normalized(task.draw());
  const linear = linearize(predict, { states: params, checkStates: false })();
  try {
    const along = (v: Tensors) => linear.pushforward(v as never);
    return sketchOf(task, directions, linear.value, along);
  } finally {
    linear.dispose();
  }
}

/** With the predictions `z`, and what they change by along a direction. */
function sketchOf(
  { lossFn, action, loss: kind }: Task,
  directions: Record<string, tf.Tensor>,
  z: tf.Tensor,
  along: (v: Tensors) => tf.Tensor,
): Sketch {
  if (z.rank !== 2) {
    const rule = "of rank 2, [samples, outputs]";
    refuse(action, "what the model returns", rule, z);
  }
  const [count] = Object.values(directions)[0]!.shape as [number];
  const [samples, outputs] = z.shape as [number, number];
  const tangents = vmap(along)(directions) as tf.Tensor;
  const { value: loss, grads } = valueAndGrad(lossFn)(z as tf.Tensor2D);
  const flat = tf.reshape<tf.Rank.R2>(tangents, [count, samples * outputs]);
  const slopes = inFullPrecision(() =>
    tf.matMul(flat, tf.reshape(grads, [-1, 1]))
  );
  const curvature = inFullPrecision(() =>
    kind === "mse"
      ? tf.matMul(flat, flat, false, true)
      : softmaxCurvature(tangents, z)
  );
  const numbers = tf.concat1d([
    tf.reshape(tf.div(curvature, samples), [-1]),
    tf.reshape(slopes, [-1]),
    tf.reshape(loss, [1]),
  ]);
  return { directions, count, numbers };
}

/** `Σ over samples of T_iᵀ (diag(p) - p pᵀ) T_j` for all pairs. */
function softmaxCurvature(tangents: tf.Tensor, z: tf.Tensor): tf.Tensor {
  const weighted = tf.mul(tangents, tf.softmax(z));
  const means = tf.sum<tf.Tensor2D>(weighted, 2);
  const [count] = tangents.shape as [number];
  const rows = (x: tf.Tensor) => tf.reshape<tf.Rank.R2>(x, [count, -1]);
  return tf.sub(
    tf.matMul(rows(weighted), rows(tangents), false, true),
    tf.matMul(means, means, false, true),
  );
}

/** Each of the directions with a norm of 1, over all parameters together. */
function normalized(tangents: Tensors): Record<string, tf.Tensor> {
  const squares = Object.values(tangents).map((v) =>
    tf.sum(tf.square(tf.reshape(v, [v.shape[0]!, -1])), 1)
  );
  const norms = tf.sqrt(tf.addN(squares));
  return mapNamed(tangents, (v) =>
    tf.div(
      v,
      tf.reshape(norms, [v.shape[0]!, ...v.shape.slice(1).fill(1)]),
    ));
}

/** `c` for the curvature `A` and slopes `b`. */
function solve(
  rows: readonly Float64Array[],
  slopes: Float64Array,
  damping: number,
): Float32Array {
  const n = slopes.length, matrix = new Float64Array(n * n);
  rows.forEach((row, i) => matrix.set(row, i * n));
  const { values, vectors } = symmetricEigen(matrix, n);
  // As singular values, which rounding errors cannot make negative.
  const sizes = values.map(Math.abs);
  const added = damping * sizes.reduce((a, b) => Math.max(a, b), 0);
  const weights = new Float64Array(n);
  sizes.forEach((size, i) => {
    const u = vectors.subarray(i * n, (i + 1) * n);
    const part = u.reduce((sum, x, k) => sum + x * slopes[k]!, 0) /
      Math.max(size + added, LEAST);
    u.forEach((x, k) => weights[k]! += part * x);
  });
  return Float32Array.from(weights);
}

/** `Σ weights[i] v_i` */
function combined(
  directions: Record<string, tf.Tensor>,
  weights: Float32Array,
): Record<string, tf.Tensor> {
  return scope(() => {
    const row = tf.tensor2d(weights, [1, weights.length]);
    return inFullPrecision(() =>
      mapNamed(directions, (v) =>
        tf.reshape(
          tf.matMul(row, tf.reshape(v, [weights.length, -1])),
          v.shape.slice(1),
        ))
    );
  });
}
