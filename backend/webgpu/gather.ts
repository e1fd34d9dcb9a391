import * as tf from "@tensorflow/tfjs-core";
import { type KernelFunc, replaceKernel } from "../kernel.ts";
import { areInside } from "../guards/indices.ts";
import { valuesOnHost } from "./backend.ts";
import { type ShaderEdit, withEdit } from "./shader_edits.ts";

/** What an index outside of the tensor reads: tfjs' shaders give 0, or what lies there. */
const NAN_OUTSIDE: ShaderEdit = {
  name: "nan_outside",
  applies: (_, dtype) => dtype === "float32",
  code: (code) =>
    code
      .replace(
        "inBounds * getA(",
        "select(uniforms.NAN, 1.0, inBounds > 0.5) * getA(",
      )
      .replace(
        "getA(flattenIndex, coords[1])",
        "select(uniforms.NAN, getA(flattenIndex, coords[1]), flattenIndex >= 0 && flattenIndex < uniforms.aShape[0])",
      ),
};

/** Let indices outside of a tensor of floats read NaN, never a plausible number. */
export function readNaNOutside(): void {
  for (const name of [tf.GatherV2, tf.GatherNd]) {
    replaceKernel(
      "webgpu",
      name,
      (shipped) => withNaNOutside(shipped, name),
      "outside",
    );
  }
}

function withNaNOutside(shipped: KernelFunc, name: string): KernelFunc {
  return (args) =>
    withEdit(NAN_OUTSIDE, () => {
      if (areInside(name, args, valuesOnHost)) return shipped(args);
      // tfjs computes what is small on the host, and takes 0 for what is outside.
      const env = tf.env(), before = env.getBool("WEBGPU_CPU_FORWARD");
      env.set("WEBGPU_CPU_FORWARD", false);
      try {
        return shipped(args);
      } finally {
        env.set("WEBGPU_CPU_FORWARD", before);
      }
    });
}
