import * as tf from "@tensorflow/tfjs-core";
import type { KernelFunc } from "../kernel.ts";
import { type Program, runProgram } from "./program.ts";

/** Terms that one invocation adds up. */
const TERMS = 64;

/** From how many terms on a sum is taken in chunks. */
const LONG = 2 ** 15;

/** Every `parts`-th of `count` terms, in four sums so that each is short. */
const CHUNKS: Program = {
  name: "sum_chunks",
  inputs: ["A"],
  uniforms: [["count", "i32"], ["parts", "i32"]],
  code: `let row = index / uniforms.parts;
    let part = index - row * uniforms.parts;
    let step = uniforms.parts;
    var sums = vec4<f32>(0.0);
    for (var k = part; k < uniforms.count; k += 4 * step) {
      let at = row * uniforms.count + k;
      sums.x += A[at];
      if (k + step < uniforms.count) { sums.y += A[at + step]; }
      if (k + 2 * step < uniforms.count) { sums.z += A[at + 2 * step]; }
      if (k + 3 * step < uniforms.count) { sums.w += A[at + 3 * step]; }
    }
    result[index] = (sums.x + sums.y) + (sums.z + sums.w);`,
};

/**
 * Sums and means of many floats, in chunks of chunks: tfjs' shader adds up to
 * thousands of terms one after the other, and keeps their rounding.
 */
export function sumInChunks(shipped: KernelFunc, isMean: boolean): KernelFunc {
  return (args) => {
    const x = args.inputs["x"] as tf.Tensor;
    const { axis, keepDims } = args.attrs as unknown as {
      axis?: number | number[];
      keepDims?: boolean;
    };
    const axes = tf.util.parseAxisParam(axis!, x.shape);
    const count = axes.reduce((n, i) => n * x.shape[i]!, 1);
    if (isMean && x.dtype === "int32") {
      return tf.tidy(() => tf.mean(tf.cast(x, "float32"), axes, keepDims));
    }
    if (x.dtype !== "float32" || count < LONG || x.size === 0) {
      return shipped(args);
    }
    return tf.tidy(() => {
      const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
      const rows = x.size / count;
      const inner = tf.reshape(
        tf.transpose(x, [...kept, ...axes]),
        [rows, count],
      );
      let sums = inner, length = count;
      while (length > TERMS) {
        const parts = Math.ceil(length / TERMS);
        const info = runProgram(CHUNKS, [sums], [rows, parts], "float32", [
          length,
          parts,
        ]);
        sums = tf.engine().makeTensorFromTensorInfo(info) as tf.Tensor2D;
        length = parts;
      }
      const total = tf.sum(sums, 1);
      return tf.reshape(
        isMean ? tf.div(total, count) : total,
        x.shape.flatMap((n, i) => axes.includes(i) ? keepDims ? [1] : [] : [n]),
      );
    });
  };
}
