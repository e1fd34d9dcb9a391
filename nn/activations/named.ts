/**
 * Activations by name, as options of layers take them.
 *
 * @module
 */
import { oneOf, rule, type ValueRule } from "../../internal/check.ts";
import type * as tf from "../../tf.ts";
import {
  celu,
  elu,
  hardshrink,
  hardsigmoid,
  hardswish,
  hardtanh,
  leakyRelu,
  relu,
  relu6,
  selu,
  softshrink,
  sparsePlus,
  sparseSigmoid,
} from "./piecewise.ts";
import {
  gelu,
  logSigmoid,
  mish,
  sigmoid,
  silu,
  softplus,
  softsign,
  squareplus,
  tanh,
  tanhshrink,
} from "./smooth.ts";

/** The name of an activation, which is that of its function in `nn`. */
export type ActivationName =
  | "celu"
  | "elu"
  | "gelu"
  | "hardshrink"
  | "hardsigmoid"
  | "hardswish"
  | "hardtanh"
  | "leakyRelu"
  | "logSigmoid"
  | "mish"
  | "relu"
  | "relu6"
  | "selu"
  | "sigmoid"
  | "silu"
  | "softplus"
  | "softshrink"
  | "softsign"
  | "sparsePlus"
  | "sparseSigmoid"
  | "squareplus"
  | "tanh"
  | "tanhshrink";

/** The activations of one element that need no more than `x`. */
const NAMED: Record<ActivationName, <T extends tf.Tensor>(x: T) => T> = {
  ...{ celu, elu, gelu, hardshrink, hardsigmoid, hardswish, hardtanh },
  ...{ leakyRelu, logSigmoid, mish, relu, relu6, selu, sigmoid, silu },
  ...{ softplus, softshrink, softsign, sparsePlus, sparseSigmoid },
  ...{ squareplus, tanh, tanhshrink },
};

/**
 * An activation: a name, for the function of `nn` with its defaults, or a function that
 * keeps the shape.
 *
 * @typeParam T The rank of input and output.
 */
export type Activation<T extends tf.Tensor = tf.Tensor> =
  | ActivationName
  | ((x: T) => T);

const isFunction = rule(
  "a function or the name of an activation",
  (x) => typeof x === "function",
);
const isName = oneOf(...Object.keys(NAMED));

/** An {@linkcode Activation}, for checks. */
export const activationRule: ValueRule = (value) =>
  (typeof value === "string" ? isName : isFunction)(value);

/** The function of an activation. */
export function activationOf<T extends tf.Tensor>(
  activation: Activation<T>,
): (x: T) => T {
  return typeof activation === "function"
    ? activation
    // A function that is given more than `x` may read it as its own argument.
    : (x) => NAMED[activation](x);
}
