import * as tf from "@tensorflow/tfjs-core";
import { divNoNan } from "../../backend/ops/div_no_nan.ts";
import { sumToShape } from "./broadcast.ts";
import { fromInputs, fromList, type Gradients, zeroGradient } from "./rule.ts";

/** Sums, products and powers, with broadcasting. */
export const arithmetic: Gradients = {
  Add: fromInputs(["a", "b"], (dy, { a, b }) => ({
    a: () => sumToShape(dy, a.shape),
    b: () => sumToShape(dy, b.shape),
  })),
  AddN: fromList((dy, inputs) =>
    Object.fromEntries(inputs.map((_, i) => [i, () => tf.clone(dy)]))
  ),
  Sub: fromInputs(["a", "b"], (dy, { a, b }) => ({
    a: () => sumToShape(dy, a.shape),
    b: () => tf.neg(sumToShape(dy, b.shape)),
  })),
  Multiply: fromInputs(["a", "b"], (dy, { a, b }) => ({
    a: () => sumToShape(tf.mul(dy, b), a.shape),
    b: () => sumToShape(tf.mul(dy, a), b.shape),
  })),
  RealDiv: fromInputs(["a", "b"], (dy, { a, b }) => ({
    a: () => sumToShape(tf.div(dy, b), a.shape),
    // -a / b², divided twice because b² may underflow.
    b: () => {
      const sum = sumToShape(tf.mul(dy, a), b.shape);
      return tf.neg(tf.div(tf.div(sum, b), b));
    },
  })),
  // A quotient and a remainder: a = b floor(a / b) + mod(a, b), and floor is flat.
  FloorDiv: zeroGradient("a", "b"),
  Mod: fromInputs(["a", "b"], (dy, { a, b }) => ({
    a: () => sumToShape(dy, a.shape),
    b: () => tf.neg(sumToShape(tf.mul(dy, tf.floor(tf.div(a, b))), b.shape)),
  })),
  Pow: fromInputs(["a", "b"], (dy, { a, b }) => ({
    a: () => {
      // Where b is 0 the factor b decides; the power must only be finite there.
      const exponent = tf.where(tf.equal(b, 0), tf.onesLike(b), tf.sub(b, 1));
      const slope = tf.mul(b, tf.pow(a, exponent));
      return sumToShape(tf.mul(dy, slope), a.shape);
    },
    // a^b log(a), and 0 where a is not positive.
    b: () => {
      const positive = tf.where(tf.greater(a, 0), a, tf.onesLike(a));
      const slope = tf.mul(tf.pow(positive, b), tf.log(positive));
      return sumToShape(tf.mul(dy, slope), b.shape);
    },
  })),
  SquaredDifference: fromInputs(["a", "b"], (dy, { a, b }) => {
    const half = () => tf.mul(dy, tf.sub(a, b));
    return {
      a: () => tf.mul(sumToShape(half(), a.shape), 2),
      b: () => tf.mul(sumToShape(half(), b.shape), -2),
    };
  }),
  // Ties go to `a`, as in TensorFlow.
  Maximum: fromInputs(["a", "b"], (dy, { a, b }) => {
    const mask = () => tf.cast(tf.greaterEqual(a, b), "float32");
    return {
      a: () => sumToShape(tf.mul(dy, mask()), a.shape),
      b: () => sumToShape(tf.mul(dy, tf.sub(1, mask())), b.shape),
    };
  }),
  Minimum: fromInputs(["a", "b"], (dy, { a, b }) => {
    const mask = () => tf.cast(tf.lessEqual(a, b), "float32");
    return {
      a: () => sumToShape(tf.mul(dy, mask()), a.shape),
      b: () => sumToShape(tf.mul(dy, tf.sub(1, mask())), b.shape),
    };
  }),
  Atan2: fromInputs(["a", "b"], (dy, { a, b }) => {
    // At the origin, where there is no angle, the gradient is 0.
    const scaled = () => divNoNan(dy, tf.add(tf.square(a), tf.square(b)));
    return {
      a: () => sumToShape(tf.mul(scaled(), b), a.shape),
      b: () => tf.neg(sumToShape(tf.mul(scaled(), a), b.shape)),
    };
  }),
};
