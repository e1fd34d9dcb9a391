/**
 * Our kernels for tfjs' WASM backend: what it lacks, what it gets wrong, and what
 * it does slowly.
 *
 * @module
 */
import { defineBinary, registerBinary } from "./binary.ts";
import { registerComplex } from "./complex.ts";
import { registerConvolutions } from "./convolution.ts";
import { registerDilation } from "./dilation.ts";
import { registerEinsum } from "./einsum.ts";
import { defineFused, registerFused } from "./transformer.ts";
import { defineGemm } from "./gemm.ts";
import { registerLayout } from "./layout.ts";
import { registerMatMul } from "./matmul.ts";
import { defineMoves } from "./moves.ts";
import { startThreads } from "../machine/parallel.ts";
import { definePatches } from "./patches.ts";
import { registerPooling } from "./pooling.ts";
import { registerReductions } from "./reduce.ts";
import { defineReductions } from "./reduce_code.ts";
import { registerResize } from "./resize.ts";
import { registerRotate } from "./rotate.ts";
import { registerSegments } from "./segments.ts";
import { defineSoftmax, registerSoftmax } from "./softmax.ts";
import { defineUnary, registerUnary } from "./unary.ts";
import { defineWindows } from "./windows.ts";

/**
 * Put our kernels in place of tfjs', and start threads for them. Calling it again
 * for the same backend changes nothing.
 */
export async function registerWasmKernels(): Promise<void> {
  await startThreads([
    ...[defineGemm, definePatches, defineWindows, defineMoves],
    ...[defineUnary, defineBinary, defineReductions, defineSoftmax],
    defineFused,
  ]);
  registerMatMul();
  registerConvolutions();
  registerPooling();
  registerSegments();
  registerLayout();
  registerUnary();
  registerBinary();
  registerReductions();
  registerSoftmax();
  registerDilation();
  registerResize();
  registerEinsum();
  registerComplex();
  registerFused();
  registerRotate();
}
