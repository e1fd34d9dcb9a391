import * as tf from "@tensorflow/tfjs-core";
import { keepDims } from "./broadcast.ts";
import { fromInputs, fromNothing, type Gradients } from "./rule.ts";
import { around } from "./strides.ts";

/** Running sums and products, and products over axes. */
export const cumulative: Gradients = {
  Cumsum: fromNothing((dy, { axis, exclusive, reverse }: tf.CumsumAttrs) => ({
    x: () => tf.cumsum(dy, axis, exclusive, !reverse),
  })),
  Cumprod: fromInputs(["x"], (dy, { x }, attrs: tf.CumprodAttrs) => ({
    x: () => cumprodGrad(dy, x, attrs),
  })),
  // The product of all others, by a running product from either side, so that
  // zeros do no harm.
  Prod: fromInputs(["x"], (dy, { x }, { axis }: tf.ProdAttrs) => ({
    x: () => {
      const axes = tf.util.parseAxisParam(axis, x.shape);
      const kept = x.shape.flatMap((_, i) => axes.includes(i) ? [] : [i]);
      const perm = [...kept, ...axes];
      const isOrdered = perm.every((from, to) => from === to);
      const moved = isOrdered ? x : tf.transpose(x, perm);
      const outer = tf.util.sizeFromShape(kept.map((i) => x.shape[i]!));
      const flat = tf.reshape(moved, [outer, outer === 0 ? 0 : x.size / outer]);
      const others = tf.reshape(
        tf.mul(tf.cumprod(flat, 1, true), tf.cumprod(flat, 1, true, true)),
        moved.shape,
      );
      const back = isOrdered
        ? others
        : tf.transpose(others, tf.backend_util.getUndoAxesPermutation(perm));
      return tf.mul(keepDims(dy, x.shape, axes), back);
    },
  })),
};

/**
 * With p the product of what comes before x[i], and s[i] the sum of what dy
 * weighs after it,
 *
 * ```text
 * dx[i] = p[i] s[i],  s[i] = dy[i] + x[i + 1] s[i + 1]
 * ```
 *
 * or the mirror image. There is no division, so zeros do no harm; the
 * recurrence is solved by doubling.
 */
function cumprodGrad(
  dy: tf.Tensor,
  x: tf.Tensor,
  { axis, exclusive, reverse }: tf.CumprodAttrs,
): tf.Tensor {
  const along = tf.util.parseAxisParam(axis, x.shape)[0]!;
  const size = x.shape[along]!;
  const [outer, inner] = around(x.shape, along);
  const flat = tf.reshape(x, [outer, size, inner]);
  /** The value `by` places further on; beyond the end, `fill`. */
  const ahead = (t: tf.Tensor, by: number, fill: number) =>
    reverse
      ? tf.pad(
        tf.slice(t, [0, 0, 0], [outer, size - by, inner]),
        [[0, 0], [by, 0], [0, 0]],
        fill,
      )
      : tf.pad(
        tf.slice(t, [0, by, 0], [outer, size - by, inner]),
        [[0, 0], [0, by], [0, 0]],
        fill,
      );
  if (x.size === 0) return tf.zerosLike(x);
  let sum: tf.Tensor = tf.reshape(dy, [outer, size, inner]);
  // An exclusive product is the inclusive one, one place later.
  if (exclusive) sum = ahead(sum, 1, 0);
  let factor = ahead(flat, 1, 0);
  for (let by = 1; by < size; by *= 2) {
    sum = tf.add(sum, tf.mul(factor, ahead(sum, by, 0)));
    factor = tf.mul(factor, ahead(factor, by, 0));
  }
  const before = tf.cumprod(flat, 1, true, reverse);
  return tf.reshape(tf.mul(before, sum), x.shape);
}
