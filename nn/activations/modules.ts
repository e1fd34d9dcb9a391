/**
 * Activation functions as modules, for places that take a module.
 *
 * In {@linkcode Sequential} the functions do as well: `nn.relu`, or
 * `(x) => nn.leakyRelu(x, 0.2)`.
 *
 * @module
 */
import type * as tf from "../../tf.ts";
import * as activations from "./functions.ts";
import { Module } from "../module/module.ts";
import type { Size } from "../module/size.ts";

/** A module that computes each element from that element, or from its row. */
export abstract class Elementwise<T extends tf.Tensor> extends Module {
  /** The size that goes in. */
  outSize(inSize: Size): Size {
    return inSize;
  }

  /** Any shape to the same. */
  abstract override update(x: T): T;
}

/** {@linkcode relu} as a module. */
export class ReLU<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** Any shape to the same. */
  override update(x: T): T {
    return activations.relu(x);
  }
}

/** {@linkcode relu6} as a module. */
export class ReLU6<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** Any shape to the same. */
  override update(x: T): T {
    return activations.relu6(x);
  }
}

/** {@linkcode leakyRelu} as a module. */
export class LeakyReLU<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** The slope below 0. */
  readonly slope: number;

  /** Set it; 0.01 by default. */
  constructor(slope = 0.01) {
    super();
    this.slope = slope;
  }

  /** Any shape to the same. */
  override update(x: T): T {
    return activations.leakyRelu(x, this.slope);
  }
}

/** {@linkcode elu} as a module. */
export class ELU<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** What is approached far below 0, negated. */
  readonly alpha: number;

  /** Set it; 1 by default. */
  constructor(alpha = 1) {
    super();
    this.alpha = alpha;
  }

  /** Any shape to the same. */
  override update(x: T): T {
    return activations.elu(x, this.alpha);
  }
}

/** {@linkcode celu} as a module. */
export class CELU<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** What is approached far below 0, negated. */
  readonly alpha: number;

  /** Set it; 1 by default. */
  constructor(alpha = 1) {
    super();
    this.alpha = alpha;
  }

  /** Any shape to the same. */
  override update(x: T): T {
    return activations.celu(x, this.alpha);
  }
}

/** {@linkcode selu} as a module. */
export class SELU<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** Any shape to the same. */
  override update(x: T): T {
    return activations.selu(x);
  }
}

/** {@linkcode silu} as a module. */
export class SiLU<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** Any shape to the same. */
  override update(x: T): T {
    return activations.silu(x);
  }
}

/** {@linkcode mish} as a module. */
export class Mish<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** Any shape to the same. */
  override update(x: T): T {
    return activations.mish(x);
  }
}

/** {@linkcode sigmoid} as a module. */
export class Sigmoid<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** Any shape to the same. */
  override update(x: T): T {
    return activations.sigmoid(x);
  }
}

/** {@linkcode logSigmoid} as a module. */
export class LogSigmoid<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T> {
  /** Any shape to the same. */
  override update(x: T): T {
    return activations.logSigmoid(x);
  }
}

/** {@linkcode tanh} as a module. */
export class Tanh<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** Any shape to the same. */
  override update(x: T): T {
    return activations.tanh(x);
  }
}

/** {@linkcode tanhShrink} as a module. */
export class Tanhshrink<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T> {
  /** Any shape to the same. */
  override update(x: T): T {
    return activations.tanhShrink(x);
  }
}

/** {@linkcode softplus} as a module. */
export class Softplus<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** Any shape to the same. */
  override update(x: T): T {
    return activations.softplus(x);
  }
}

/** {@linkcode softSign} as a module. */
export class Softsign<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** Any shape to the same. */
  override update(x: T): T {
    return activations.softSign(x);
  }
}

/** {@linkcode hardSigmoid} as a module. */
export class Hardsigmoid<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T> {
  /** Any shape to the same. */
  override update(x: T): T {
    return activations.hardSigmoid(x);
  }
}

/** {@linkcode hardSilu} as a module. */
export class Hardswish<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** Any shape to the same. */
  override update(x: T): T {
    return activations.hardSilu(x);
  }
}

/** {@linkcode hardShrink} as a module. */
export class Hardshrink<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T> {
  /** Up to where it is 0. */
  readonly lambda: number;

  /** Set it; 0.5 by default. */
  constructor(lambda = 0.5) {
    super();
    this.lambda = lambda;
  }

  /** Any shape to the same. */
  override update(x: T): T {
    return activations.hardShrink(x, this.lambda);
  }
}

/** {@linkcode softShrink} as a module. */
export class Softshrink<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T> {
  /** How far towards 0. */
  readonly lambda: number;

  /** Set it; 0.5 by default. */
  constructor(lambda = 0.5) {
    super();
    this.lambda = lambda;
  }

  /** Any shape to the same. */
  override update(x: T): T {
    return activations.softShrink(x, this.lambda);
  }
}

/** {@linkcode softmax} as a module. */
export class Softmax<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** Any shape to the same. */
  override update(x: T): T {
    return activations.softmax(x);
  }
}

/** {@linkcode softmin} as a module. */
export class Softmin<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** Any shape to the same. */
  override update(x: T): T {
    return activations.softmin(x);
  }
}

/** {@linkcode logSoftmax} as a module. */
export class LogSoftmax<T extends tf.Tensor = tf.Tensor>
  extends Elementwise<T> {
  /** Any shape to the same. */
  override update(x: T): T {
    return activations.logSoftmax(x);
  }
}

/** {@linkcode gelu} as a module: exact, unless `approximate`. */
export class GELU<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** Whether to take the approximation by tanh. */
  readonly approximate: boolean;

  /** See {@linkcode gelu}. */
  constructor({ approximate = false }: activations.GeluOptions = {}) {
    super();
    this.approximate = approximate;
  }

  /** Any shape to the same. */
  override update(x: T): T {
    return activations.gelu(x, { approximate: this.approximate });
  }
}

/** {@linkcode hardTanh} as a module. */
export class Hardtanh<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** The least and the largest value. */
  readonly range: { readonly min: number; readonly max: number };

  /** Set them; -1 and 1 by default. */
  constructor({ min = -1, max = 1 }: { min?: number; max?: number } = {}) {
    super();
    this.range = { min, max };
  }

  /** Any shape to the same. */
  override update(x: T): T {
    return activations.hardTanh(x, this.range);
  }
}

/** {@linkcode threshold} as a module. */
export class Threshold<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** Up to where `value` takes the place of `x`. */
  readonly limit: number;
  /** What takes the place of `x`. */
  readonly value: number;

  /** Set both. */
  constructor(limit: number, value: number) {
    super();
    this.limit = limit;
    this.value = value;
  }

  /** Any shape to the same. */
  override update(x: T): T {
    return activations.threshold(x, this.limit, this.value);
  }
}

/** {@linkcode glu} of the last axis as a module, which halves it. */
export class GLU<T extends tf.Tensor = tf.Tensor> extends Module {
  /** Half as many features. */
  outSize(inSize: Size): Size {
    const last = inSize.at(-1) ?? null;
    return [...inSize.slice(0, -1), last === null ? null : last / 2];
  }

  /** `[..., 2 features]` to `[..., features]`. */
  override update(x: T): T {
    return activations.glu(x);
  }
}
