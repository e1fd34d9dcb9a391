/**
 * Kernels of our own for WebGPU: what it lacks, or does in many small steps.
 *
 * @module
 */
import { registerAttention } from "./attention.ts";
import { registerBatchStandardize } from "./batch_standardize.ts";
import { registerColumnSums } from "./column_sums.ts";
import { registerCrossEntropy } from "./cross_entropy.ts";
import { registerGate } from "./gate.ts";
import { registerGates } from "./gates.ts";
import { registerGelu } from "./gelu.ts";
import { registerLayerNorm } from "./layer_norm.ts";

import { registerSegments } from "./segments.ts";
import { registerSoftmax } from "./softmax.ts";

/** A kernel is added to this list, and its file holds its code. */
const REGISTER: readonly (() => void)[] = [
  registerAttention,
  registerBatchStandardize,
  registerColumnSums,
  registerCrossEntropy,
  registerGate,
  registerGates,
  registerGelu,
  registerLayerNorm,

  registerSegments,
  registerSoftmax,
];

/** Register our kernels with tfjs. */
export function registerOwnKernels(): void {
  for (const register of REGISTER) register();
}
