/**
 * Our kernels for tfjs' WASM backend: what it lacks, what it gets wrong, and what
 * it does slowly.
 *
 * @module
 */
import { guardKernels } from "../../guards/mod.ts";
import {
  reportStockKernels,
  silenceStockKernels,
  view,
} from "../machine/registry.ts";
import { registerAttention } from "./attention.ts";
import { registerBinary } from "./binary.ts";
import { registerCast } from "./cast.ts";
import { registerComplex } from "./complex.ts";
import { registerConvolutions } from "./convolution.ts";
import { registerCrossEntropy } from "./cross_entropy.ts";
import { registerDepthwise } from "./depthwise.ts";
import { registerDilation } from "./dilation.ts";
import { registerEinsum } from "./einsum.ts";
import { registerGates } from "./gates.ts";
import { registerGelu } from "./gelu.ts";
export { SCRATCH } from "./gemm.ts";
import { registerLayerNorm } from "./layer_norm.ts";
import { registerLayout } from "./layout.ts";
import { registerLogical } from "./logical.ts";

import { registerMatMul } from "./matmul.ts";
import { registerMaxPool } from "./max_pool.ts";
import { registerReductions } from "./reduce.ts";
import { registerResize } from "./resize.ts";
import { registerRotate } from "./rotate.ts";
import { registerSegments } from "./segments.ts";
import { registerSelect } from "./select.ts";
import { registerSoftmax } from "./softmax.ts";
import { registerUnary } from "./unary.ts";

/** A kernel is added to this list, and its file holds its code. */
const REGISTER: readonly (() => void)[] = [
  registerAttention,
  registerBinary,
  registerCast,
  registerComplex,
  registerConvolutions,
  registerCrossEntropy,
  registerDepthwise,
  registerDilation,
  registerEinsum,
  registerGates,
  registerGelu,
  registerLayerNorm,
  registerLayout,
  registerLogical,

  registerMatMul,
  registerMaxPool,
  registerReductions,
  registerResize,
  registerRotate,
  registerSegments,
  registerSelect,
  registerSoftmax,
  registerUnary,
];

/** Put our kernels in place of tfjs'. */
export function registerWasmKernels(): void {
  silenceStockKernels();
  for (const register of REGISTER) register();
  guardKernels("wasm", { read: view, takesEmpty: true });
  reportStockKernels();
}
