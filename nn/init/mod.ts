/**
 * Initializers: what a parameter is before training.
 *
 * A layer takes any object with an `init` method, so one of your own is
 * `{ init: (shape) => tf.fill(shape, 0.1) }`.
 *
 * @module
 */
export * from "./constant.ts";
export type { Initializer } from "./initializer.ts";
export * from "./orthogonal.ts";
export {
  Normal,
  TruncatedNormal,
  type TruncatedNormalOptions,
  Uniform,
} from "./random.ts";
export * from "./variance_scaling.ts";
