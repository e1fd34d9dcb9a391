/**
 * Gradients of a loss that is scaled for the backward pass.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { customGradient } from "../autodiff/mod.ts";
import {
  Expr,
  type Kernel,
  kernelOf,
  runLaunches,
} from "../backend/fusion/mod.ts";
import type { Optimizer } from "../optim/mod.ts";
import type { Tensors } from "../tensors.ts";
import type { LossScale } from "./loss_scale.ts";
import { lossGradient } from "./loss_gradient.ts";

/** What a scaled gradient computes; the caller owns it. */
export type ScaledGradient = [
  grads: Tensors,
  loss: tf.Scalar,
  /** The sum of all gradients times 2^-64: finite if and only if all of them are. */
  gradSum: tf.Scalar,
];

/**
 * As {@linkcode lossGradient}, with the loss scaled for the backward pass:
 *
 * ```text
 * g = (∂ (scale · loss) / ∂ parameters) / scale
 * ```
 *
 * The loss that is returned is not scaled.
 */
export function scaledGradient<Args extends readonly unknown[]>(
  loss: (...batch: Args) => tf.Scalar,
  optimizer: Optimizer,
  scale: LossScale,
): (...batch: Args) => ScaledGradient {
  const gradient = lossGradient(
    (...batch: Args) => scaled(loss(...batch), scale.factor),
    optimizer,
  );
  return (...batch) => {
    const [grads, value] = gradient(...batch);
    const [divided, gradSum] = divide(grads, scale.factor);
    return [divided, value, gradSum];
  };
}

/** `loss`, whose gradient is multiplied by `factor`. */
function scaled(loss: tf.Scalar, factor: tf.Scalar): tf.Scalar {
  // What is no scalar is refused by whoever differentiates.
  if (!(loss instanceof tf.Tensor) || loss.rank > 0) return loss;
  return customGradient((x: tf.Scalar) => ({
    value: tf.clone(x),
    gradient: (dy) => tf.mul(dy, factor),
  }))(loss);
}

const quotient = Expr.input("grad").div(Expr.input("factor", "one"));

const DIVIDE: Kernel = kernelOf({
  grad: { value: quotient, extent: "each" },
  // Each term is small enough for the sum of 2^64 of them to be finite.
  gradSum: { value: quotient.mul(2 ** -64).sumAll("scale"), extent: "one" },
});

/** `grads` divided by `factor`, and the sum of all of them times 2^-64. */
function divide(
  grads: Tensors,
  factor: tf.Scalar,
): [grads: Tensors, gradSum: tf.Scalar] {
  const paths = Object.keys(grads).filter((path) => grads[path]!.size > 0);
  if (paths.length === 0) return [grads, tf.scalar(0)];
  const rows = paths.map((path) => ({
    inputs: { grad: grads[path]!, factor },
    scalars: {},
    shape: grads[path]!.shape,
  }));
  const [results] = runLaunches([{ kernel: DIVIDE, rows }]);
  const divided: Record<string, tf.Tensor> = { ...grads };
  paths.forEach((path, i) => {
    const { grad, gradSum } = results![i]!;
    if (grad !== grads[path]) grads[path]!.dispose();
    if (i > 0) gradSum!.dispose();
    divided[path] = grad!;
  });
  return [divided, results![0]!["gradSum"] as tf.Scalar];
}
