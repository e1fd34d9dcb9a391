import type * as tf from "@tensorflow/tfjs-core";

/** Values as the device has them, four bytes each; copied only if they differ. */
export function deviceValues(
  values: tf.TypedArray,
  dtype: string,
): Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> {
  const Words = dtype === "float32" ? Float32Array : Int32Array;
  // The device takes no memory that threads share.
  const isSame = values instanceof Words &&
    values.buffer instanceof ArrayBuffer;
  return (isSame ? values : new Words(values)) as Float32Array<ArrayBuffer>;
}
