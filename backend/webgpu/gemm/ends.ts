/**
 * The options of fused ops: bias and activation, in the product where it can do them,
 * as ops after it where it cannot.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  type Activation,
  type Epilogue,
  isActivation,
  NOTHING,
} from "./epilogue.ts";

/** What a fused op is given for its end. */
export interface FusedEnd {
  readonly bias?: tf.Tensor | null | undefined;
  readonly weights?: tf.Tensor | null | undefined;
  readonly activation?: string | null;
  readonly alpha?: number;
}

/** The end of a fused op, read from what its kernel is given. */
export function fusedEnd(
  { inputs, attrs }: Parameters<tf.KernelFunc>[0],
): FusedEnd {
  const { bias, preluActivationWeights } = inputs as Record<string, tf.Tensor>;
  const { activation, leakyreluAlpha } = attrs as unknown as {
    activation?: string | null;
    leakyreluAlpha?: number;
  };
  return {
    bias: bias ?? null,
    weights: preluActivationWeights ?? null,
    activation: activation ?? null,
    alpha: leakyreluAlpha ?? 0.2,
  };
}

/** What a product does at its end, and the tensors that it reads for it. */
export interface OwnEnd {
  readonly epilogue: Epilogue;
  readonly ends: readonly tf.TensorInfo[];
  readonly alpha: number;
}

/**
 * Compute a product and its end.
 *
 * @param columns The columns of the result.
 * @param compute Computes the product, with as much of the end as it is given.
 * @param mayEnd Whether the product can do an end at all.
 */
export function withEnd(
  columns: number,
  { bias, weights, activation, alpha = 0.2 }: FusedEnd,
  compute: (end: OwnEnd) => tf.TensorInfo,
  mayEnd = true,
): tf.TensorInfo {
  const name = activation ?? "linear";
  if (!isActivation(name)) {
    throw new RangeError(
      `Cannot run a fused op: the activation must be one that tfjs has: current value is ${name}`,
    );
  }
  const ofColumns = (x: tf.TensorInfo | null | undefined) =>
    !x ||
    x.shape.at(-1) === columns && tf.util.sizeFromShape(x.shape) === columns;
  const slopes = name === "prelu" ? weights : null;
  if (mayEnd && ofColumns(bias) && ofColumns(slopes)) {
    return compute({
      epilogue: { hasBias: bias != null, activation: name },
      ends: [bias, slopes].filter((x) => x != null),
      alpha,
    });
  }
  return tf.tidy(() => {
    const product = compute({ epilogue: NOTHING, ends: [], alpha });
    const y = product instanceof tf.Tensor
      ? product
      : tf.engine().makeTensorFromTensorInfo(product);
    return activate(bias ? tf.add(y, bias) : y, name, weights, alpha);
  });
}

function activate(
  y: tf.Tensor,
  name: Activation,
  weights: tf.Tensor | null | undefined,
  alpha: number,
): tf.Tensor {
  const ops: Record<Activation, () => tf.Tensor> = {
    linear: () => y,
    relu: () => tf.relu(y),
    relu6: () => tf.relu6(y),
    elu: () => tf.elu(y),
    sigmoid: () => tf.sigmoid(y),
    leakyrelu: () => tf.leakyRelu(y, alpha),
    prelu: () => tf.prelu(y, weights!),
  };
  return ops[name]();
}
