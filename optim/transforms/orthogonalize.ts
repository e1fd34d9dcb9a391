/**
 * Orthogonalization of matrices by Newton-Schulz iterations.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { Expr } from "../../backend/fusion/mod.ts";
import { checkOptions, type OptionRules, rule } from "../../internal/check.ts";
import type { Tensors } from "../../tensors.ts";
import { chain } from "./chain.ts";
import { elementwise, withTraits } from "./elementwise.ts";
import { nextState } from "./opt_state.ts";
import { kernelOfOne, runKernel } from "./run_kernel.ts";
import type { GradientTransformation } from "./transformation.ts";

/** Options of {@linkcode orthogonalize}. */
export interface OrthogonalizeOptions {
  /** The number of iterations. Default: 5. */
  readonly nsSteps?: number | undefined;
  /**
   * The coefficients a, b and c of an iteration. Default: [3.4445, -4.775, 2.0315],
   * those of Keller Jordan, with which singular values come to lie between about 0.7
   * and 1.2 rather than at 1, in few iterations.
   */
  readonly nsCoefficients?: readonly [number, number, number] | undefined;
  /** The least norm that an update is divided by. Default: 1e-7. */
  readonly eps?: number | undefined;
}

/** What the options of {@linkcode orthogonalize} must be. */
export const ORTHOGONALIZE_RULES: OptionRules<OrthogonalizeOptions> = {
  nsSteps: "a positive integer",
  nsCoefficients: rule(
    "three finite numbers",
    (x) => Array.isArray(x) && x.length === 3 && x.every(Number.isFinite),
  ),
  eps: "a positive finite number",
};

/**
 * Replace each update, as a matrix, by one with the same singular vectors and singular
 * values near 1: a step of the same length in every direction.
 *
 * ```text
 * X = u / max(‖u‖, ε)      k times: A = X Xᵀ, X ← a X + (b A + c A²) X      u = X
 * ```
 *
 * ‖u‖ is the root of the sum of squares. The last axis of an update is one axis of the
 * matrix, and all others together are the other: the kernel of a convolution is
 * `[height · width · channels in, channels out]`. Matrices of one shape are computed in
 * one product. Updates of fewer than two axes are refused.
 *
 * {@link https://kellerjordan.github.io/posts/muon/ | Jordan et al., 2024}.
 *
 * @example Usage
 * ```ts
 * import { optim, tf, useBackend } from "@braintape/braintape";
 * import { assert } from "@std/assert";
 *
 * await useBackend("cpu");
 * const tx = optim.orthogonalize();
 * const grads = { w: tf.tensor2d([[100, 0], [0, 1]]) };
 * const [updates] = tx.update(grads, tx.init(grads), grads);
 * const [a, , , d] = await updates.w!.data();
 * assert(a! > 0.6 && a! < 1.3 && d! > 0.6 && d! < 1.3);
 * ```
 *
 * @param options See {@linkcode OrthogonalizeOptions}.
 * @returns The transformation.
 * @throws {RangeError} From its functions, if a parameter has fewer than two axes.
 */
export function orthogonalize(
  options: OrthogonalizeOptions = {},
): GradientTransformation {
  checkOptions("create orthogonalize", options, ORTHOGONALIZE_RULES);
  const { eps = 1e-7 } = options;
  // Divided in a pass of its own, which is fused with what comes before.
  const unit = elementwise({
    update: ({ update }) => ({ update: update.div(update.norm().max(eps)) }),
  });
  return chain(unit, iterations(options));
}

function iterations(
  { nsSteps = 5, nsCoefficients = [3.4445, -4.775, 2.0315] }:
    OrthogonalizeOptions,
): GradientTransformation {
  return withTraits({
    init(params) {
      for (const path in params) checkAxes(path, params[path]!.shape);
      return {
        steps: Object.fromEntries(Object.keys(params).map((p) => [p, 0])),
        slots: {},
      };
    },
    update(updates, state) {
      const next: Record<string, tf.Tensor> = {};
      const taken = Object.fromEntries(
        Object.keys(updates).map((path) => [path, {}]),
      );
      for (const paths of alike(updates)) {
        const own = paths.map((path) => updates[path]!);
        const orthogonal = tf.tidy(() =>
          newtonSchulz(own, nsSteps, nsCoefficients)
        );
        paths.forEach((path, i) => next[path] = orthogonal[i]!);
      }
      return [next, nextState(state, taken)];
    },
  }, { isUniform: false, sumsOverStep: false });
}

function checkAxes(path: string, shape: readonly number[]): void {
  if (shape.length > 1) return;
  throw new RangeError(
    `Cannot orthogonalize: "${path}" must have two or more axes: current value is [${shape}]`,
  );
}

/** The sizes of the matrix that a shape is. */
export function matrixOf(
  shape: readonly number[],
): readonly [rows: number, columns: number] {
  const rows = shape.slice(0, -1).reduce((a, b) => a * b, 1);
  return [rows, shape.at(-1)!];
}

/** The paths of updates that are matrices of the same sizes. */
function alike(updates: Tensors): string[][] {
  const bySize = new Map<string, string[]>();
  for (const [path, { shape }] of Object.entries(updates)) {
    const size = matrixOf(shape).join("x"), known = bySize.get(size);
    if (known) known.push(path);
    else bySize.set(size, [path]);
  }
  return [...bySize.values()];
}

const A = Expr.input("a"), AA = Expr.input("aa");
const X = Expr.input("x"), Y = Expr.input("y");

/** `b A + c A²` */
const POLYNOMIAL = kernelOfOne(
  A.mul(Expr.scalar("b")).add(AA.mul(Expr.scalar("c"))),
);

/** `a X + Y` */
const SUM = kernelOfOne(X.mul(Expr.scalar("a")).add(Y));

/**
 * The iterations, of tensors that are matrices of the same sizes and of norm 1. What is
 * returned has their shapes.
 */
function newtonSchulz(
  tensors: readonly tf.Tensor[],
  steps: number,
  [a, b, c]: readonly [number, number, number],
): tf.Tensor[] {
  const [rows, columns] = matrixOf(tensors[0]!.shape);
  if (rows * columns === 0) return tensors.map((x) => tf.clone(x));
  const inputs = tensors.map((x) =>
    tf.reshape<tf.Rank.R3>(x, [1, rows, columns])
  );
  let x = inputs.length > 1 ? tf.concat3d(inputs, 0) : inputs[0]!;
  // The product of the shorter axes is the smaller one.
  const isTall = rows > columns;
  for (let k = 0; k < steps; k++) {
    const gram = tf.matMul(x, x, isTall, !isTall);
    const squared = tf.matMul(gram, gram);
    const inputs = { a: gram, aa: squared };
    const factor = runKernel<tf.Tensor3D>(POLYNOMIAL, inputs, { b, c });
    const y = isTall ? tf.matMul(x, factor) : tf.matMul(factor, x);
    x = runKernel(SUM, { x, y }, { a });
  }
  return tensors.map(({ shape }, i) =>
    tf.reshape(
      tensors.length > 1 ? tf.slice3d(x, [i, 0, 0], [1, rows, columns]) : x,
      shape,
    )
  );
}
