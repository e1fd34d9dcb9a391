/**
 * How numbers lie in memory for shaders: by the rules of WGSL for uniforms, as tfjs'
 * shaders declare them.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { ShaderProgram, UniformField } from "../backend.ts";
import type { Words } from "./uniforms.ts";

/** What a shader of tfjs reads before the numbers of its own. */
export function fieldsOf(
  program: ShaderProgram,
  inputs: readonly tf.TensorInfo[],
  output: tf.TensorInfo,
): UniformField[] {
  const integers = (data: number[]): UniformField => ({ type: "int32", data });
  const fields: UniformField[] = [];
  if (program.pixelsOpType == null) {
    fields.push({ type: "float32", data: [NaN] });
    fields.push({ type: "float32", data: [Infinity] });
    for (const { shape } of [...inputs, output]) {
      fields.push(integers(shape), integers(tf.util.computeStrides(shape)));
    }
  } else fields.push(integers(tf.util.computeStrides(output.shape)));
  if (program.size) {
    const size = tf.util.sizeFromShape(program.outputShape);
    fields.push(integers([size / (program.outputComponent ?? 1)]));
  }
  return fields;
}

/** The words of fields. A vector of more than two numbers begins at 16 bytes. */
export function layOut(fields: readonly UniformField[]): Words {
  const starts: number[] = [];
  let end = 0, before = 0, widest = 1;
  for (const { data } of fields) {
    const length = data.length || 1;
    // Those of five and six are structures.
    const isAligned = length > 2 || before > 4;
    const align = isAligned ? 4 : length;
    end = Math.ceil(end / align) * align;
    starts.push(end);
    end += length;
    before = length;
    widest = Math.max(widest, align);
  }
  const words = new Uint32Array(Math.ceil(end / widest) * widest);
  const floats = new Float32Array(words.buffer);
  fields.forEach(({ type, data }, i) => {
    const target = type === "float32" ? floats : words;
    target.set(data.length ? data : [1], starts[i]);
  });
  return words;
}
