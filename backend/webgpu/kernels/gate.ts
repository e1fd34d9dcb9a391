/**
 * Steps of training that have no effect once a loss was not finite, run by
 * `backend/gate.ts`.
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

const NEXT_OR_OLD: Program = {
  name: "NextOrOld",
  inputs: ["Open", "Next", "Old"],
  code: "result[index] = select(Old[index], Next[index], Open[0] > 0.0);",
};

/** Register `StillOpen` and `NextOrOld`. */
export function registerGate(): void {
  addKernel("webgpu", "StillOpen", ({ inputs }) => {
    const { open, loss } = inputs as Record<string, tf.TensorInfo>;
    return runProgram(STILL_OPEN, [open!, loss!], [], "float32");
  });
  addKernel("webgpu", "NextOrOld", ({ inputs }) => {
    const { open, next, old } = inputs as Record<string, tf.TensorInfo>;
    const { shape, dtype } = next!;
    return runProgram(NEXT_OR_OLD, [open!, next!, old!], shape, dtype);
  });
}
