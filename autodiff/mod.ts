/**
 * Automatic differentiation of functions of states and tensors.
 *
 * ```ts
 * import { grad } from "@braintape/braintape/autodiff";
 * import { tf, useBackend } from "@braintape/braintape";
 *
 * await useBackend("cpu");
 * const cube = (x: tf.Scalar) => tf.mul(tf.square(x), x);
 * grad(cube)(tf.scalar(2)).print(); // 12
 * ```
 *
 * @module
 */
import { registerGradients } from "./gradients/mod.ts";

registerGradients();

export * from "./clip.ts";
export * from "./custom.ts";
export * from "./debug.ts";
export * from "./grad.ts";
export type { GradsOf, StateNest } from "./nest.ts";
export type { TargetOptions } from "./target.ts";
export * from "./vjp.ts";
export * from "./linearize.ts";
export * from "./jacobian.ts";
export * from "./hessian.ts";
