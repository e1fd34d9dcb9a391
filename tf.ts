/**
 * tfjs core, with what is wrong in it replaced. It is the same instance of tfjs
 * for everybody who imports it; the types are tfjs' own.
 *
 * | replaced | because in tfjs 4.22 |
 * | --- | --- |
 * | `addN` | tensors of several types are refused |
 * | `batchNorm`, `batchNorm2d`, `3d`, `4d` | there is no gradient without `offset` or `scale` |
 * | `broadcastTo`, `where` | shapes that broadcast to size 0 stay as they are |
 * | `add`, `sub`, `mul`, `dot`, `matMul`, `neg`, `sum`, `reshape`, `transpose` | complex numbers throw, or are NaN where shapes broadcast, and have no gradient |
 * | `complex`, `real`, `imag`, `abs`, `fft`, `ifft`, `rfft`, `irfft`, `spectral`, `signal` | complex numbers have no gradient |
 * | `equal`, `notEqual`, `greater`, `greaterEqual`, `less`, `lessEqual` | comparisons inside `where` have no gradient; ours cost nothing in the backward pass |
 * | `conv1d` | a number as padding throws |
 * | `cumsum`, `cumprod` | a negative axis throws |
 * | `depthwiseConv2d` | `"NCHW"` is read as `"NHWC"` |
 * | `divNoNan`, `norm` | gradients are NaN where the divisor, or all elements, are 0 |
 * | `einsum` | labels are lost; every product is made before any is summed |
 * | `fused` | gradients lack dilations and most activations |
 * | `logSoftmax` | second derivatives are silently wrong |
 * | `logSumExp` | it is NaN where all are -Infinity |
 * | `logSigmoid` | inside of a `tf.tidy` there is no gradient |
 * | `losses` | weights that are all 0 make NaN |
 * | `losses.softmaxCrossEntropy` | the gradient is wrong where labels do not sum to 1; a class at -Infinity makes NaN |
 * | `split`, `unstack` | an array reversed or emptied in place takes the gradients with it |
 * | `stridedSlice` | dropping one axis while stepping along another mixes up values |
 *
 * @module
 */
export * from "@tensorflow/tfjs-core";
export { addN, split, unstack } from "./backend/ops/arrays.ts";
export {
  batchNorm,
  batchNorm2d,
  batchNorm3d,
  batchNorm4d,
} from "./backend/ops/batch_norm.ts";
export {
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  notEqual,
} from "./backend/ops/comparisons.ts";
export {
  abs,
  complex,
  fft,
  ifft,
  imag,
  irfft,
  real,
  rfft,
  signal,
  spectral,
} from "./backend/ops/complex.ts";
export {
  add,
  dot,
  matMul,
  mul,
  neg,
  reshape,
  sub,
  sum,
  transpose,
} from "./backend/ops/complex_arithmetic.ts";
export { conv1d } from "./backend/ops/conv1d.ts";
export { cumprod, cumsum } from "./backend/ops/cumulative.ts";
export { depthwiseConv2d } from "./backend/ops/depthwise_conv2d.ts";
export { einsum } from "./backend/ops/einsum.ts";
export { fused } from "./backend/ops/fused.ts";
export { logSigmoid, logSoftmax } from "./backend/ops/log_softmax.ts";
export { logSumExp } from "./backend/ops/log_sum_exp.ts";
export { divNoNan } from "./backend/ops/div_no_nan.ts";
export { losses } from "./backend/ops/losses.ts";
export { norm } from "./backend/ops/norm.ts";
export { stridedSlice } from "./backend/ops/strided_slice.ts";
export { broadcastTo, where } from "./backend/ops/where.ts";
