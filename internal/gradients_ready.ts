import type * as tf from "@tensorflow/tfjs-core";

/** Is told of the gradient in a state as soon as it is known, in the backward pass. Internal. */
export const gradientsReady: {
  /** The tensor is valid during the call only, and must not be changed. */
  now: ((state: object, grad: tf.Tensor) => void) | undefined;
} = { now: undefined };
