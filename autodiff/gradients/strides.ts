import * as tf from "@tensorflow/tfjs-core";

/** `x` with `step - 1` zeros between neighbors along `axis`. */
export function dilate(x: tf.Tensor, axis: number, step: number): tf.Tensor {
  const size = x.shape[axis]!;
  if (step === 1 || size < 2) return x;
  const [outer, inner] = around(x.shape, axis);
  const apart = tf.pad(
    tf.reshape(x, [outer, size, inner]),
    [[0, 0], [0, 0], [0, (step - 1) * inner]],
  );
  const spaced = tf.reshape(apart, [outer, size * step, inner]);
  const length = (size - 1) * step + 1;
  return tf.reshape(
    tf.slice(spaced, [0, 0, 0], [outer, length, inner]),
    x.shape.map((n, i) => i === axis ? length : n),
  );
}

/** Every `step`-th of `x` along `axis`: takes back {@linkcode dilate}. */
export function thin(x: tf.Tensor, axis: number, step: number): tf.Tensor {
  const length = x.shape[axis]!;
  if (step === 1 || length < 2) return x;
  const [outer, inner] = around(x.shape, axis);
  const size = Math.ceil(length / step);
  const whole = tf.pad(
    tf.reshape(x, [outer, length, inner]),
    [[0, 0], [0, size * step - length], [0, 0]],
  );
  return tf.reshape(
    tf.slice(
      tf.reshape(whole, [outer, size, step * inner]),
      [0, 0, 0],
      [outer, size, inner],
    ),
    x.shape.map((n, i) => i === axis ? size : n),
  );
}

/** How many values lie before and after an axis. */
export function around(shape: number[], axis: number): [number, number] {
  return [
    tf.util.sizeFromShape(shape.slice(0, axis)),
    tf.util.sizeFromShape(shape.slice(axis + 1)),
  ];
}
