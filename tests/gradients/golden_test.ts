/**
 * The operations that `tf.ts` corrects, against numpy and torch in float64.
 *
 * @module
 */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import * as tf from "../../tf.ts";
import { numbers, onEachBackend } from "../_backends.ts";
import golden from "../golden/corrected_ops.json" with { type: "json" };

/** The same numbers as `values` in scripts/golden/corrected_ops.py. */
function values(shape: number[], seed: number): tf.Tensor {
  const size = tf.util.sizeFromShape(shape);
  return tf.tensor(
    Array.from({ length: size }, (_, i) => ((i * 7 + seed * 3) % 23) / 8 - 1.3),
    shape,
  );
}

/** Both parts of a complex tensor, the real one first. */
function parts(z: tf.Tensor): tf.Tensor {
  return tf.stack([tf.real(z), tf.imag(z)]);
}

// deno-lint-ignore no-explicit-any -- options come from a file
type Options = any[];

const OPS: Record<string, (xs: tf.Tensor[], options: Options) => tf.Tensor> = {
  einsum: (xs, [equation]) => tf.einsum(equation, ...xs),
  matMul: ([a, b]) => tf.matMul(a!, b!),
  stridedSlice: ([x], [begin, end, strides, ...masks]) =>
    tf.stridedSlice(x!, begin, end, strides, ...masks),
  cumsum: ([x], [axis]) => tf.cumsum(x!, axis),
  cumprod: ([x], [axis]) => tf.cumprod(x!, axis),
  fft: ([re, im]) => parts(tf.fft(tf.complex(re!, im!))),
  ifft: ([re, im]) => parts(tf.ifft(tf.complex(re!, im!))),
  rfft: ([x]) => parts(tf.rfft(x!)),
  logSoftmax: ([x]) => tf.logSoftmax(x!),
  logSigmoid: ([x]) => tf.logSigmoid(x!),
  // torch keeps a filter as [channels * multiplier, 1, height, width].
  depthwiseNCHW: ([x, w], [stride, padding, dilation]) => {
    const [all, , height, width] = w!.shape as [number, number, number, number];
    const channels = x!.shape[1]!;
    const split = tf.reshape(w!, [channels, all / channels, height, width]);
    return tf.depthwiseConv2d(
      x as tf.Tensor4D,
      tf.transpose(split, [2, 3, 0, 1]) as tf.Tensor4D,
      stride,
      padding,
      "NCHW",
      dilation,
      "floor",
    );
  },
};

onEachBackend(
  "what we correct in tfjs gives numpy's and torch's values",
  async () => {
    for (const { op, options, shapes, shape, y } of golden) {
      const actual = OPS[op]!(shapes.map(values), options);
      assertEquals(actual.shape, shape, `${op} ${JSON.stringify(options)}`);
      (await numbers(actual)).forEach((value, i) =>
        assertAlmostEquals(
          value,
          y[i]!,
          2e-5 * (1 + Math.abs(y[i]!)),
          `${op} ${JSON.stringify(options)} [${i}]`,
        )
      );
    }
  },
);
