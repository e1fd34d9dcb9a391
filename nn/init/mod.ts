/**
 * Initializers: the values of parameters before training.
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
  type Drawn,
  Normal,
  type NormalOptions,
  TruncatedNormal,
  type TruncatedNormalOptions,
  Uniform,
  type UniformOptions,
} from "./random.ts";
export {
  calculateGain,
  type Defaults,
  type FanOptions,
  KaimingNormal,
  KaimingUniform,
  LecunNormal,
  LecunUniform,
  type NamedVarianceScaling,
  VarianceScaling,
  type VarianceScalingOptions,
  XavierNormal,
  XavierUniform,
} from "./variance_scaling.ts";
