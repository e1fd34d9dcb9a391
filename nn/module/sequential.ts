/**
 * Layers in sequence.
 *
 * @module
 */
import {
  check,
  listOf,
  orNull,
  rule,
  type ValueRule,
} from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { Module } from "./module.ts";
import { isSized, type Size } from "./size.ts";

/** A module, or a function that keeps the size of its input, such as `tf.relu`. */
export type Layer = Module | ((x: never) => tf.Tensor);

/**
 * Layers in sequence: each takes the output of the one before it.
 *
 * Sizes are checked at construction, as far as the layers have `outSize`. States are
 * found under `layers.0`, `layers.1`, ...
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * await useBackend("cpu");
 * const mlp = new nn.Sequential(
 *   new nn.Linear(2, 16),
 *   nn.tanh,
 *   new nn.Linear(16, 3),
 * );
 * assertEquals(mlp.call(tf.ones([8, 2])).shape, [8, 3]);
 * assertThrows(
 *   () => new nn.Sequential(new nn.Linear(2, 16), new nn.Linear(8, 3)),
 *   RangeError,
 *   "layers.1",
 * );
 * ```
 *
 * @example Layers built from the size of their input
 * ```ts
 * import { nn, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const cnn = nn.Sequential.build(
 *   [28, 28, 1],
 *   (size) => new nn.Conv2d(size, 8, 3),
 *   () => nn.relu,
 *   () => new nn.MaxPool2d(2),
 *   () => new nn.Flatten(),
 *   (size) => new nn.Linear(size, 10),
 * );
 * assertEquals(cnn.outSize([28, 28, 1]), [10]);
 * ```
 *
 * @typeParam I The rank of the input.
 * @typeParam O The rank of the output.
 */
export class Sequential<
  I extends tf.Tensor = tf.Tensor,
  O extends tf.Tensor = tf.Tensor,
> extends Module {
  /** The layers, in order. */
  readonly layers: readonly Layer[];

  /**
   * Keep the layers.
   *
   * @param layers Modules, or functions that keep the size of their input.
   * @throws {RangeError} If one cannot take the output of the one before it.
   */
  constructor(...layers: readonly Layer[]) {
    super();
    for (const [i, layer] of layers.entries()) {
      check("create Sequential", `layers.${i}`, layer, layerRule);
    }
    this.layers = layers;
    this.#sizes(undefined);
  }

  /**
   * Builds each layer from the size of its input.
   *
   * @param inSize The size of the input, without the batch.
   * @param layers Modules, or functions of the size that return a layer, in order:
   *   `() => nn.relu` for one that is a function.
   */
  static build<
    I extends tf.Tensor = tf.Tensor,
    O extends tf.Tensor = tf.Tensor,
  >(
    inSize: Size,
    ...layers: readonly (Module | ((size: Size) => Layer))[]
  ): Sequential<I, O> {
    const size: ValueRule = listOf(orNull("a nonnegative integer"));
    check("build Sequential", "inSize", inSize, size);
    const built: Layer[] = [];
    let next = inSize;
    for (const [i, given] of layers.entries()) {
      check("build Sequential", `layers.${i}`, given, layerRule);
      const made: unknown = given instanceof Module ? given : given(next);
      // A function of tensors, such as `tf.relu`, takes the size for a tensor.
      const isLayer = made instanceof tf.Tensor;
      if (isLayer) made.dispose();
      const layer = (isLayer ? given : made) as Layer;
      check("build Sequential", `layers.${i}`, layer, layerRule);
      built.push(layer);
      next = sizeAfter(layer, next, i) ?? unknownSize(i);
    }
    return new Sequential<I, O>(...built);
  }

  /** The number of layers. */
  get length(): number {
    return this.layers.length;
  }

  /** The size of the output for an input of size `inSize`. */
  outSize(inSize: Size): Size {
    return this.#sizes(inSize) ?? unknownSize(this.length - 1);
  }

  /** Runs the layers in order. */
  override update(x: I): O {
    return tf.tidy(() => {
      let y: tf.Tensor = x;
      for (const layer of this.layers) {
        y = layer instanceof Module
          ? layer.call(y as never) as tf.Tensor
          : layer(y as never);
      }
      // A layer may return its input, which belongs to the caller.
      return (y === x as tf.Tensor ? tf.clone(y) : y) as O;
    });
  }

  /** The size of the output, if it is known. */
  #sizes(inSize: Size | undefined): Size | undefined {
    return this.layers.reduce(
      (size: Size | undefined, layer, i) => sizeAfter(layer, size, i),
      inSize,
    );
  }
}

/** A module or a function, for checks. */
const layerRule: ValueRule = rule(
  "a module or a function",
  (x) => typeof x === "function" || x instanceof Module,
);

/** The size after layer `i`, if it is known. */
function sizeAfter(
  layer: Layer,
  size: Size | undefined,
  i: number,
): Size | undefined {
  if (typeof layer === "function") return size;
  if (!isSized(layer)) return undefined;
  const before = size ?? layer.inSize;
  if (before === undefined) return undefined;
  try {
    return layer.outSize(before);
  } catch (error) {
    if (error instanceof Error) error.message += ` (in layers.${i})`;
    throw error;
  }
}

function unknownSize(i: number): never {
  throw new TypeError(
    `Cannot compute the size after layers.${i}: it has no method outSize`,
  );
}
