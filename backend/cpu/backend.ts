import type * as tf from "@tensorflow/tfjs-core";

/** tfjs' plain JavaScript backend as we use it. */
export interface CpuBackend {
  /** The values of tensors. */
  readonly data: { get(dataId: object): { readonly values: tf.TypedArray } };
  /** A new tensor of these values. */
  makeTensorInfo(
    shape: number[],
    dtype: tf.DataType,
    values: tf.TypedArray,
  ): tf.TensorInfo;
  /** Drop one reference to the values. */
  disposeData(dataId: object): boolean;
}
