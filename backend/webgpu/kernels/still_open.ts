/**
 * Whether steps of training still count after a loss, run by `backend/gate.ts`.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { addKernel } from "../../kernel.ts";
import { type Program, runProgram } from "../program.ts";

/** By the bits: WGSL leaves open what comparisons of NaN give. */
const STILL_OPEN: Program = {
  name: "StillOpen",
  inputs: ["Open", "Loss"],
  code: `let exponent = bitcast<u32>(Loss[index]) & 0x7f800000u;
    result[index] = select(0.0, Open[index], exponent != 0x7f800000u);`,
};

/** Register `StillOpen`. */
export function registerStillOpen(): void {
  addKernel("webgpu", "StillOpen", ({ inputs }) => {
    const { open, loss } = inputs as Record<string, tf.TensorInfo>;
    return runProgram(STILL_OPEN, [open!, loss!], [], "float32");
  });
}
