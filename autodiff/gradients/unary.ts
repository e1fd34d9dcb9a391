import * as tf from "@tensorflow/tfjs-core";
import { where } from "../../backend/ops/where.ts";
import {
  fromInputs,
  fromNothing,
  fromOutput,
  type Gradient,
  type Gradients,
  zeroGradient,
} from "./rule.ts";

/** Elementwise functions of one tensor. */
export const unary: Gradients = {
  Neg: fromNothing((dy) => ({ x: () => tf.neg(dy) })),
  Abs: slope((dy, x) => tf.mul(dy, tf.sign(x))),
  Square: slope((dy, x) => tf.mul(dy, tf.mul(x, 2))),
  Sqrt: fromOutput(tf.sqrt, (dy, y) => tf.div(dy, tf.mul(y, 2))),
  Rsqrt: fromOutput(
    tf.rsqrt,
    (dy, y) => tf.mul(dy, tf.mul(tf.mul(tf.square(y), y), -0.5)),
  ),
  Reciprocal: fromOutput(
    tf.reciprocal,
    (dy, y) => tf.neg(tf.mul(dy, tf.square(y))),
  ),
  Exp: fromOutput(tf.exp, tf.mul),
  Expm1: fromOutput(tf.expm1, (dy, y) => tf.mul(dy, tf.add(y, 1))),
  Log: slope(tf.div),
  Log1p: slope((dy, x) => tf.div(dy, tf.add(x, 1))),
  Sin: slope((dy, x) => tf.mul(dy, tf.cos(x))),
  Cos: slope((dy, x) => tf.neg(tf.mul(dy, tf.sin(x)))),
  Tan: fromOutput(tf.tan, (dy, y) => tf.mul(dy, tf.add(tf.square(y), 1))),
  Asin: slope((dy, x) => tf.div(dy, tf.sqrt(tf.sub(1, tf.square(x))))),
  Acos: slope((dy, x) => tf.neg(tf.div(dy, tf.sqrt(tf.sub(1, tf.square(x)))))),
  Atan: slope((dy, x) => tf.div(dy, tf.add(tf.square(x), 1))),
  Sinh: slope((dy, x) => tf.mul(dy, tf.cosh(x))),
  Cosh: slope((dy, x) => tf.mul(dy, tf.sinh(x))),
  Tanh: fromOutput(tf.tanh, (dy, y) => tf.mul(dy, tf.sub(1, tf.square(y)))),
  Asinh: slope((dy, x) => tf.div(dy, tf.sqrt(tf.add(tf.square(x), 1)))),
  Acosh: slope((dy, x) => tf.div(dy, tf.sqrt(tf.sub(tf.square(x), 1)))),
  Atanh: slope((dy, x) => tf.div(dy, tf.sub(1, tf.square(x)))),
  Erf: slope((dy, x) =>
    tf.mul(dy, tf.mul(tf.exp(tf.neg(tf.square(x))), 2 / Math.sqrt(Math.PI)))
  ),
  // The gradient passes where the value was not clipped.
  ClipByValue: {
    inputsToSave: ["x"],
    outputsToSave: [true],
    gradFunc: (dys, saved) => ({
      x: () => {
        const [x, y] = saved as [tf.Tensor, tf.Tensor];
        const dy = dys as tf.Tensor;
        return where(tf.equal(x, y), dy, tf.zerosLike(dy));
      },
    }),
  },

  // Flat almost everywhere.
  Sign: zeroGradient("x"),
  Step: zeroGradient("x"),
  Floor: zeroGradient("x"),
  Ceil: zeroGradient("x"),
  Round: zeroGradient("x"),
  ZerosLike: zeroGradient("x"),
  OnesLike: zeroGradient("x"),
};

/** A rule that multiplies `dy` by the derivative at `x`. */
function slope(rule: (dy: tf.Tensor, x: tf.Tensor) => tf.Tensor): Gradient {
  return fromInputs(["x"], (dy, { x }) => ({ x: () => rule(dy, x) }));
}
