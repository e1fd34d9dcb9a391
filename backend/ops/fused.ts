import * as tf from "@tensorflow/tfjs-core";
import { isRecording } from "../../internal/engine.ts";
import { depthwiseConv2d } from "./depthwise_conv2d.ts";

type MatMul = Parameters<typeof tf.fused.matMul>[0];
type Activation = NonNullable<MatMul["activation"]>;

/**
 * tfjs' fused operations. Where a gradient is taken they run as their parts,
 * whose gradients know every activation, dilation and way to broadcast.
 */
export const fused: typeof tf.fused = {
  matMul: (options) => {
    const { a, b, transposeA, transposeB } = options;
    if (!isRecording() && batches(a) === batches(b)) {
      return tf.fused.matMul(options);
    }
    return finish(tf.matMul(a, b, transposeA, transposeB), options);
  },
  conv2d: (options) => {
    if (!isRecording()) return tf.fused.conv2d(options);
    const { x, filter, strides, pad, dataFormat, dilations, dimRoundingMode } =
      options;
    return finish(
      tf.conv2d(
        x,
        filter,
        strides,
        pad,
        dataFormat,
        dilations,
        dimRoundingMode,
      ),
      options,
    );
  },
  depthwiseConv2d: (options) => {
    if (!isRecording() && options.dataFormat !== "NCHW") {
      return tf.fused.depthwiseConv2d(options);
    }
    const { x, filter, strides, pad, dataFormat, dilations, dimRoundingMode } =
      options;
    return finish(
      depthwiseConv2d(
        x,
        filter,
        strides,
        pad,
        dataFormat,
        dilations,
        dimRoundingMode,
      ),
      options,
    );
  },
};

/** The shape of a factor's batches; tfjs' kernels count them through. */
function batches(factor: tf.Tensor | tf.TensorLike): string {
  return factor instanceof tf.Tensor ? `${factor.shape.slice(0, -2)}` : "";
}

/** What comes after the product. */
function finish<T extends tf.Tensor>(
  product: T,
  { bias, activation = "linear", preluActivationWeights, leakyreluAlpha }:
    & Pick<
      MatMul,
      "bias" | "activation" | "preluActivationWeights" | "leakyreluAlpha"
    >
    & { dataFormat?: "NHWC" | "NCHW" },
): T {
  const y = bias == null ? product : tf.add<T>(product, bias);
  const apply: Record<Activation, () => T> = {
    linear: () => y,
    relu: () => tf.relu(y),
    relu6: () => tf.relu6(y),
    elu: () => tf.elu(y),
    sigmoid: () => tf.sigmoid(y),
    leakyrelu: () => tf.leakyRelu(y, leakyreluAlpha),
    prelu: () => tf.prelu(y, preluActivationWeights as T),
  };
  return apply[activation]();
}
