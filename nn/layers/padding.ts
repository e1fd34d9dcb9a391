/**
 * Padding layers for one, two and three axes.
 *
 * @module
 */
import type * as tf from "../../tf.ts";
import {
  CircularPad,
  ConstantPad,
  ReflectionPad,
  ReplicationPad,
} from "./pads.ts";

/**
 * The same number around sequences, `[batch, length, channels]`; see {@linkcode ConstantPad}.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const row = tf.tensor3d([[[1], [2], [3]]]);
 * const padded = (layer: nn.Pad<tf.Tensor3D>) => layer.call(row).data();
 * assertEquals([...await padded(new nn.ConstantPad1d([[1, 2]], { value: 9 }))], [9, 1, 2, 3, 9, 9]);
 * ```
 */
export class ConstantPad1d extends ConstantPad<tf.Tensor3D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 1;
}

/**
 * The same number around images, `[batch, height, width, channels]`; see {@linkcode ConstantPad}.
 */
export class ConstantPad2d extends ConstantPad<tf.Tensor4D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 2;
}

/**
 * The same number around volumes, `[batch, depth, height, width, channels]`; see {@linkcode ConstantPad}.
 */
export class ConstantPad3d extends ConstantPad<tf.Tensor5D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 3;
}

/**
 * Mirror images around sequences, `[batch, length, channels]`; see {@linkcode ReflectionPad}.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const row = tf.tensor3d([[[1], [2], [3]]]);
 * const padded = (layer: nn.Pad<tf.Tensor3D>) => layer.call(row).data();
 * assertEquals([...await padded(new nn.ReflectionPad1d(2))], [3, 2, 1, 2, 3, 2, 1]);
 * ```
 */
export class ReflectionPad1d extends ReflectionPad<tf.Tensor3D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 1;
}

/**
 * Mirror images around images, `[batch, height, width, channels]`; see {@linkcode ReflectionPad}.
 */
export class ReflectionPad2d extends ReflectionPad<tf.Tensor4D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 2;
}

/**
 * Mirror images around volumes, `[batch, depth, height, width, channels]`; see {@linkcode ReflectionPad}.
 */
export class ReflectionPad3d extends ReflectionPad<tf.Tensor5D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 3;
}

/**
 * The outermost cells again around sequences, `[batch, length, channels]`; see {@linkcode ReplicationPad}.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const row = tf.tensor3d([[[1], [2], [3]]]);
 * const padded = (layer: nn.Pad<tf.Tensor3D>) => layer.call(row).data();
 * assertEquals([...await padded(new nn.ReplicationPad1d(2))], [1, 1, 1, 2, 3, 3, 3]);
 * ```
 */
export class ReplicationPad1d extends ReplicationPad<tf.Tensor3D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 1;
}

/**
 * The outermost cells again around images, `[batch, height, width, channels]`; see {@linkcode ReplicationPad}.
 */
export class ReplicationPad2d extends ReplicationPad<tf.Tensor4D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 2;
}

/**
 * The outermost cells again around volumes, `[batch, depth, height, width, channels]`; see {@linkcode ReplicationPad}.
 */
export class ReplicationPad3d extends ReplicationPad<tf.Tensor5D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 3;
}

/**
 * The other end around sequences, `[batch, length, channels]`; see {@linkcode CircularPad}.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const row = tf.tensor3d([[[1], [2], [3]]]);
 * const padded = (layer: nn.Pad<tf.Tensor3D>) => layer.call(row).data();
 * assertEquals([...await padded(new nn.CircularPad1d(2))], [2, 3, 1, 2, 3, 1, 2]);
 * ```
 */
export class CircularPad1d extends CircularPad<tf.Tensor3D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 1;
}

/**
 * The other end around images, `[batch, height, width, channels]`; see {@linkcode CircularPad}.
 */
export class CircularPad2d extends CircularPad<tf.Tensor4D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 2;
}

/**
 * The other end around volumes, `[batch, depth, height, width, channels]`; see {@linkcode CircularPad}.
 */
export class CircularPad3d extends CircularPad<tf.Tensor5D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 3;
}
