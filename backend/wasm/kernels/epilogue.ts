/**
 * The end of fused ops: bias and activation.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { call, free, size } from "../machine/registry.ts";

/** Kernels of the activations that a fused op names. */
const ACTIVATIONS: Readonly<Record<string, string>> = {
  elu: "Elu",
  relu: "Relu",
  relu6: "Relu6",
  prelu: "Prelu",
  leakyrelu: "LeakyRelu",
  sigmoid: "Sigmoid",
};

/** The options of a fused op. */
export interface FusedAttrs {
  readonly activation?: string | null;
  readonly leakyreluAlpha?: number;
}

/** The tensors of a fused op's end. */
export interface FusedInputs {
  readonly bias?: tf.TensorInfo | null;
  readonly preluActivationWeights?: tf.TensorInfo | null;
}

/**
 * The end of a fused op: bias and activation, as far as `product` cannot do
 * them itself. It is given a bias of one value per column, and whether to end
 * with relu.
 */
export function finish(
  columns: number,
  { bias, preluActivationWeights }: FusedInputs,
  { activation, leakyreluAlpha = 0.2 }: FusedAttrs,
  product: (bias: tf.TensorInfo | undefined, relu: boolean) => tf.TensorInfo,
): tf.TensorInfo {
  const own = bias && size(bias.shape) === columns &&
    (bias.shape.at(-1) ?? 1) === columns;
  const relu = activation === "relu" && (!bias || own === true);
  let out = product(own ? bias : undefined, relu);
  const then = (
    kernel: string,
    inputs: Record<string, tf.TensorInfo>,
    attrs = {},
  ) => {
    const next = call(kernel, inputs, attrs);
    free(out);
    out = next;
  };
  if (bias && !own) then("Add", { a: out, b: bias });
  if (!activation || activation === "linear" || relu) return out;
  const kernel = ACTIVATIONS[activation];
  if (!kernel) {
    throw new RangeError(
      `Cannot run a fused op: the activation must be one of linear, ${
        Object.keys(ACTIVATIONS).join(", ")
      }: current value is ${activation}`,
    );
  }
  if (kernel === "Prelu") {
    then(kernel, { x: out, alpha: preluActivationWeights! });
  } else then(kernel, { x: out }, { alpha: leakyreluAlpha });
  return out;
}
