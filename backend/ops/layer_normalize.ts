import * as tf from "@tensorflow/tfjs-core";
import { engine } from "../../internal/engine.ts";
import { oneKernel, runKernel } from "../kernel.ts";
import { standardize } from "./standardize.ts";

/** Options of {@linkcode layerNormalize}. */
export interface LayerNormalizeOptions {
  /** Added to the variance. */
  readonly eps: number;
  /** The scale, `[size]`. */
  readonly weight?: tf.Tensor | undefined;
  /** The shift, `[size]`. */
  readonly bias?: tf.Tensor | undefined;
}

/**
 * Layer normalization of the last axis, as one kernel where there is one.
 *
 * ```text
 * y = (x - mean x) / √(var x + ε) weight + bias
 * ```
 *
 * @param x `[..., size]`, float32.
 * @param options See {@linkcode LayerNormalizeOptions}.
 */
export function layerNormalize(
  x: tf.Tensor,
  { eps, weight, bias }: LayerNormalizeOptions,
): tf.Tensor {
  const composed = () => {
    const y = standardize(x, -1, eps);
    const scaled = weight ? tf.mul(y, weight) : y;
    return bias ? tf.add(scaled, bias) : scaled;
  };
  const own = { ...weight && { weight }, ...bias && { bias } };
  const parameters: Record<string, tf.Tensor> = own;
  const isCovered = Object.values(parameters).length > 0 && x.size > 0 &&
    [x, ...Object.values(parameters)].every((z) => z.dtype === "float32");
  if (!isCovered) return composed();
  return oneKernel(
    "LayerNormAffine",
    () => asKernel(x, parameters, eps),
    composed,
  );
}

function asKernel(
  x: tf.Tensor,
  parameters: Record<string, tf.Tensor>,
  eps: number,
): tf.Tensor {
  const inputs: Record<string, tf.Tensor> = { x, ...parameters };
  const { weight } = inputs;
  return engine().runKernelFunc({
    inputs,
    forwardFunc(_, save) {
      const [y, mean, scale] = runKernel(
        "LayerNormAffine",
        inputs,
        { eps },
      ) as unknown as tf.Tensor[];
      save([inputs["x"]!, mean!, scale!, ...weight ? [inputs["weight"]!] : []]);
      return y!;
    },
    backwardsFunc(dy, [x, mean, scale, weight]) {
      const given = { x: x!, mean: mean!, scale: scale!, dy };
      const [dx, dWeight, dBias] = runKernel(
        "LayerNormAffineGrad",
        weight ? { ...given, weight } : given,
      ) as unknown as tf.Tensor[];
      return { x: () => dx!, weight: () => dWeight!, bias: () => dBias! };
    },
  });
}
