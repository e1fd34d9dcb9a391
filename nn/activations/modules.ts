/**
 * Activation functions as modules.
 *
 * Each has the name of its function in torch's spelling, and takes the arguments that
 * the function takes after `x`: `new nn.LeakyReLU(0.2)` applies
 * `nn.leakyRelu(x, 0.2)`. {@linkcode Sequential} takes the functions too: `nn.relu`,
 * or `(x) => nn.leakyRelu(x, 0.2)`.
 *
 * @module
 */
import { checkNoMore } from "../../internal/check.ts";
import {
  checkArguments,
  type GeluOptions,
  type HardtanhOptions,
} from "./arguments.ts";
import type * as tf from "../../tf.ts";
import { SameRank } from "../module/same_rank.ts";
import { checkInput, type Size } from "../module/size.ts";
import * as alongAxis from "./along_axis.ts";
import * as piecewise from "./piecewise.ts";
import * as smooth from "./smooth.ts";

const functions = { ...piecewise, ...smooth, ...alongAxis };

/** The name of an activation function. */
export type ActivationName = Exclude<
  keyof typeof piecewise | keyof typeof smooth | keyof typeof alongAxis,
  "glu" | "prelu"
>;

/**
 * An activation function as a module.
 *
 * @typeParam T The rank of input and output.
 * @typeParam A The arguments of the function after `x`.
 */
export abstract class Elementwise<
  T extends tf.Tensor = tf.Tensor,
  A extends readonly unknown[] = readonly unknown[],
> extends SameRank<T> {
  /** The function. */
  static readonly fn: ActivationName;
  /** The arguments of the function after `x`, as given. */
  readonly args: A;

  /**
   * Keep the arguments of the function.
   *
   * @param args Those after `x`; the defaults are the function's.
   */
  constructor(...args: A) {
    super();
    const { fn, name } = new.target as typeof Elementwise;
    checkArguments(fn, args, `create ${name}`);
    this.args = args;
  }

  /** Any shape to the same. */
  override update(x: T): T {
    const { fn, name } = this.constructor as typeof Elementwise;
    checkInput(name, x, []);
    const apply = functions[fn] as (x: T, ...args: unknown[]) => T;
    return apply(x, ...this.args);
  }
}

/** {@linkcode relu} as a module. */
export class ReLU<T extends tf.Tensor = tf.Tensor> extends Elementwise<T, []> {
  /** The function. */
  static override readonly fn = "relu";
}

/** {@linkcode relu6} as a module. */
export class ReLU6<T extends tf.Tensor = tf.Tensor> extends Elementwise<T, []> {
  /** The function. */
  static override readonly fn = "relu6";
}

/** {@linkcode leakyRelu} as a module. */
export class LeakyReLU<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [slope?: number]> {
  /** The function. */
  static override readonly fn = "leakyRelu";
}

/** {@linkcode elu} as a module. */
export class ELU<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [alpha?: number]> {
  /** The function. */
  static override readonly fn = "elu";
}

/** {@linkcode celu} as a module. */
export class CELU<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [alpha?: number]> {
  /** The function. */
  static override readonly fn = "celu";
}

/** {@linkcode selu} as a module. */
export class SELU<T extends tf.Tensor = tf.Tensor> extends Elementwise<T, []> {
  /** The function. */
  static override readonly fn = "selu";
}

/** {@linkcode gelu} as a module. */
export class GELU<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [options?: GeluOptions]> {
  /** The function. */
  static override readonly fn = "gelu";
}

/** {@linkcode silu} as a module. */
export class SiLU<T extends tf.Tensor = tf.Tensor> extends Elementwise<T, []> {
  /** The function. */
  static override readonly fn = "silu";
}

/** {@linkcode mish} as a module. */
export class Mish<T extends tf.Tensor = tf.Tensor> extends Elementwise<T, []> {
  /** The function. */
  static override readonly fn = "mish";
}

/** {@linkcode sigmoid} as a module. */
export class Sigmoid<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, []> {
  /** The function. */
  static override readonly fn = "sigmoid";
}

/** {@linkcode logSigmoid} as a module. */
export class LogSigmoid<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, []> {
  /** The function. */
  static override readonly fn = "logSigmoid";
}

/** {@linkcode tanh} as a module. */
export class Tanh<T extends tf.Tensor = tf.Tensor> extends Elementwise<T, []> {
  /** The function. */
  static override readonly fn = "tanh";
}

/** {@linkcode tanhshrink} as a module. */
export class Tanhshrink<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, []> {
  /** The function. */
  static override readonly fn = "tanhshrink";
}

/** {@linkcode softplus} as a module. */
export class Softplus<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, []> {
  /** The function. */
  static override readonly fn = "softplus";
}

/** {@linkcode softsign} as a module. */
export class Softsign<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, []> {
  /** The function. */
  static override readonly fn = "softsign";
}

/** {@linkcode hardsigmoid} as a module. */
export class Hardsigmoid<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, []> {
  /** The function. */
  static override readonly fn = "hardsigmoid";
}

/** {@linkcode hardswish} as a module. */
export class Hardswish<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, []> {
  /** The function. */
  static override readonly fn = "hardswish";
}

/** {@linkcode hardtanh} as a module. */
export class Hardtanh<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [options?: HardtanhOptions]> {
  /** The function. */
  static override readonly fn = "hardtanh";
}

/** {@linkcode hardshrink} as a module. */
export class Hardshrink<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [lambda?: number]> {
  /** The function. */
  static override readonly fn = "hardshrink";
}

/** {@linkcode softshrink} as a module. */
export class Softshrink<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [lambda?: number]> {
  /** The function. */
  static override readonly fn = "softshrink";
}

/** {@linkcode threshold} as a module. */
export class Threshold<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [limit: number, value: number]> {
  /** The function. */
  static override readonly fn = "threshold";
}

/** {@linkcode softmax} as a module. */
export class Softmax<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [axis?: number]> {
  /** The function. */
  static override readonly fn = "softmax";
}

/** {@linkcode softmin} as a module. */
export class Softmin<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [axis?: number]> {
  /** The function. */
  static override readonly fn = "softmin";
}

/** {@linkcode logSoftmax} as a module. */
export class LogSoftmax<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [axis?: number]> {
  /** The function. */
  static override readonly fn = "logSoftmax";
}

/** {@linkcode glu} over the last axis as a module, which halves it. */
export class GLU<T extends tf.Tensor = tf.Tensor> extends SameRank<T> {
  /**
   * Takes no arguments.
   *
   * @param none None.
   */
  constructor(...none: readonly never[]) {
    super();
    checkNoMore("create GLU", none);
  }

  /** Half as many features. */
  override outSize(inSize: Size): Size {
    const last = inSize.at(-1) ?? null;
    return [...inSize.slice(0, -1), last === null ? null : last / 2];
  }

  /** `[..., 2 features]` to `[..., features]`. */
  override update(x: T): T {
    checkInput("GLU", x, [null]);
    return functions.glu(x);
  }
}
