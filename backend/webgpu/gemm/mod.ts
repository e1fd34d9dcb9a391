/**
 * Products of our own: matrices and convolutions.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type KernelFunc, replaceKernel } from "../../kernel.ts";
import { batchMatMul, fusedMatMul } from "./matmul.ts";

const KERNELS: Readonly<Record<string, KernelFunc>> = {
  [tf.BatchMatMul]: batchMatMul,
  [tf._FusedMatMul]: fusedMatMul,
};

/** Put our products in place of tfjs'. */
export function registerProducts(): void {
  for (const [name, kernel] of Object.entries(KERNELS)) {
    replaceKernel("webgpu", name, () => kernel);
  }
}
