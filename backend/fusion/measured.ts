/**
 * What a profile says of fused kernels.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Launch } from "./kernel.ts";

/** The name of some launches: what they compute. */
export function nameOf(launches: readonly Launch[]): string {
  const outputs = launches.flatMap(({ kernel }) => Object.keys(kernel.outputs));
  return `fused (${[...new Set(outputs)].join(", ")})`;
}

/** The bytes of the tensors that launches read and write, all of float32. */
export function bytesOf(launches: readonly Launch[]): number {
  let values = 0;
  for (const { kernel, rows } of launches) {
    const extents = [
      ...Object.values(kernel.inputs),
      ...Object.values(kernel.outputs).map(({ extent }) => extent),
    ];
    for (const { shape } of rows) {
      const size = tf.util.sizeFromShape([...shape]);
      for (const extent of extents) values += extent === "one" ? 1 : size;
    }
  }
  return 4 * values;
}
