import * as tf from "@tensorflow/tfjs-core";
import { keepDims, spread } from "./broadcast.ts";
import { fromInputs, type Gradient, type Gradients } from "./rule.ts";

/** Sums, means and extremes over axes. */
export const reductions: Gradients = {
  Sum: fromInputs(["x"], (dy, { x }, { axis }: tf.SumAttrs) => ({
    x: () => {
      const axes = tf.util.parseAxisParam(axis, x.shape);
      return spread(keepDims(dy, x.shape, axes), x.shape);
    },
  })),
  Mean: fromInputs(["x"], (dy, { x }, { axis }: tf.MeanAttrs) => ({
    x: () => {
      const axes = tf.util.parseAxisParam(axis, x.shape);
      const count = axes.reduce((n, i) => n * x.shape[i]!, 1);
      return spread(keepDims(dy, x.shape, axes), x.shape, 1 / count);
    },
  })),
  Max: extreme((attrs) => (attrs as unknown as tf.MaxAttrs).reductionIndices),
  Min: extreme((attrs) => (attrs as unknown as tf.MinAttrs).axis),
};

/** Ties share the gradient equally, as in TensorFlow, JAX and torch's `amax`. */
function extreme(
  axis: (attrs: tf.NamedAttrMap) => number | number[],
): Gradient {
  return {
    inputsToSave: ["x"],
    outputsToSave: [true],
    gradFunc: (dy, saved, attrs) => ({
      x: () => {
        const [x, y] = saved as [tf.Tensor, tf.Tensor];
        const axes = tf.util.parseAxisParam(axis(attrs), x.shape);
        const isBest = tf.equal(x, keepDims(y, x.shape, axes));
        const mask = tf.cast(isBest, "float32");
        const share = tf.div(
          keepDims(dy as tf.Tensor, x.shape, axes),
          tf.sum(mask, axes, true),
        );
        return tf.mul(mask, share);
      },
    }),
  };
}
