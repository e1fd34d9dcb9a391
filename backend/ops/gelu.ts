import * as tf from "@tensorflow/tfjs-core";
import { oneKernel, runKernel } from "../kernel.ts";

/**
 * `x Φ(x)`, Φ being the distribution function of the normal distribution, or its
 * approximation by tanh.
 *
 * ```text
 * exact:        x/2 (1 + erf(x/√2))
 * approximate:  x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))
 * ```
 *
 * @param x Any shape, float32.
 * @param isApproximate Whether to take the approximation.
 */
export function gelu<T extends tf.Tensor>(x: T, isApproximate = false): T {
  const name = isApproximate ? "GeluTanh" : "Gelu";
  return oneKernel(
    name,
    () => asKernel(name, x),
    () => composed(x, isApproximate),
  );
}

function asKernel<T extends tf.Tensor>(name: string, x: T): T {
  const op = tf.customGrad((x, save) => {
    (save as tf.GradSaveFunc)([x as tf.Tensor]);
    return {
      value: runKernel(name, { x: x as tf.Tensor }),
      gradFunc: (dy: tf.Tensor, [x]: tf.Tensor[]) =>
        runKernel(`${name}Grad`, { x: x!, dy }),
    };
  });
  return op(x) as T;
}

function composed<T extends tf.Tensor>(x: T, isApproximate: boolean): T {
  return tf.tidy(() => {
    const z = isApproximate
      ? tf.tanh(
        tf.mul(
          Math.sqrt(2 / Math.PI),
          tf.mul(x, tf.add(1, tf.mul(0.044715, tf.square(x)))),
        ),
      )
      : tf.erf(tf.mul(x, Math.SQRT1_2));
    return tf.mul(tf.mul(0.5, x), tf.add(1, z)) as T;
  });
}
