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
import type * as tf from "../../tf.ts";
import { checkInput, type Size } from "../module/size.ts";
import { SameRank } from "../module/same_rank.ts";
import { glu, logSoftmax, softmax, softmin } from "./along_axis.ts";
import type { GeluOptions, HardtanhOptions } from "./arguments.ts";
import { applies, Elementwise } from "./elementwise.ts";
import * as piecewise from "./piecewise.ts";
import * as smooth from "./smooth.ts";

/** {@linkcode relu} as a module. */
export class ReLU<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {}

/** {@linkcode relu6} as a module. */
export class ReLU6<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {}

/** {@linkcode leakyRelu} as a module. */
export class LeakyReLU<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [slope?: number]> {}

/** {@linkcode elu} as a module. */
export class ELU<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [alpha?: number]> {}

/** {@linkcode celu} as a module. */
export class CELU<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [alpha?: number]> {}

/** {@linkcode selu} as a module. */
export class SELU<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {}

/** {@linkcode gelu} as a module. */
export class GELU<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [options?: GeluOptions]> {}

/** {@linkcode silu} as a module. */
export class SiLU<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {}

/** {@linkcode mish} as a module. */
export class Mish<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {}

/** {@linkcode sigmoid} as a module. */
export class Sigmoid<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {}

/** {@linkcode logSigmoid} as a module. */
export class LogSigmoid<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T> {}

/** {@linkcode tanh} as a module. */
export class Tanh<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {}

/** {@linkcode tanhshrink} as a module. */
export class Tanhshrink<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T> {}

/** {@linkcode softplus} as a module. */
export class Softplus<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {}

/** {@linkcode softsign} as a module. */
export class Softsign<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {}

/** {@linkcode hardsigmoid} as a module. */
export class Hardsigmoid<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T> {}

/** {@linkcode hardswish} as a module. */
export class Hardswish<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T> {}

/** {@linkcode hardtanh} as a module. */
export class Hardtanh<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [options?: HardtanhOptions]> {}

/** {@linkcode hardshrink} as a module. */
export class Hardshrink<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [lambda?: number]> {}

/** {@linkcode softshrink} as a module. */
export class Softshrink<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [lambda?: number]> {}

/** {@linkcode threshold} as a module. */
export class Threshold<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [limit: number, value: number]> {}

/** {@linkcode softmax} as a module. */
export class Softmax<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [axis?: number]> {}

/** {@linkcode softmin} as a module. */
export class Softmin<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [axis?: number]> {}

/** {@linkcode logSoftmax} as a module. */
export class LogSoftmax<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T, [axis?: number]> {}

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
    return glu(x);
  }
}

applies(ReLU, piecewise.relu);
applies(ReLU6, piecewise.relu6);
applies(LeakyReLU, piecewise.leakyRelu, "leakyRelu");
applies(ELU, piecewise.elu, "elu");
applies(CELU, piecewise.celu, "celu");
applies(SELU, piecewise.selu);
applies(GELU, smooth.gelu, "gelu");
applies(SiLU, smooth.silu);
applies(Mish, smooth.mish);
applies(Sigmoid, smooth.sigmoid);
applies(LogSigmoid, smooth.logSigmoid);
applies(Tanh, smooth.tanh);
applies(Tanhshrink, smooth.tanhshrink);
applies(Softplus, smooth.softplus);
applies(Softsign, smooth.softsign);
applies(Hardsigmoid, piecewise.hardsigmoid);
applies(Hardswish, piecewise.hardswish);
applies(Hardtanh, piecewise.hardtanh, "hardtanh");
applies(Hardshrink, piecewise.hardshrink, "hardshrink");
applies(Softshrink, piecewise.softshrink, "softshrink");
applies(Threshold, piecewise.threshold, "threshold");
applies(Softmax, softmax, "softmax");
applies(Softmin, softmin, "softmin");
applies(LogSoftmax, logSoftmax, "logSoftmax");
