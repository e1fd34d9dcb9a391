/**
 * Layers one after another.
 *
 * @module
 */
import * as tf from "../../tf.ts";
import { Module } from "./module.ts";
import { isSized, type Size } from "./size.ts";

/** A module, or a function that keeps sizes, such as `tf.relu`. */
export type Layer = Module | ((x: never) => tf.Tensor);

/**
 * Layers one after another: what one returns is what the next one takes.
 *
 * Sizes are checked when it is built, as far as the layers know them. States are
 * under `layers.0`, `layers.1`, ...
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
 * @example Sizes worked out on the way
 * ```ts
 * import { nn, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const cnn = nn.Sequential.build(
 *   [28, 28, 1],
 *   (size) => new nn.Conv2d(size, 8, 3),
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
   * Put `layers` in a row.
   *
   * @param layers Modules, or functions that keep sizes.
   * @throws {RangeError} If one cannot take what the one before it gives.
   */
  constructor(...layers: readonly Layer[]) {
    super();
    for (const [i, layer] of layers.entries()) {
      if (typeof layer !== "function" && !(layer instanceof Module)) {
        throw new TypeError(
          `Cannot create Sequential: layers.${i} must be a module or a function: current value is ${layer}`,
        );
      }
    }
    this.layers = layers;
    this.#sizes(undefined);
  }

  /**
   * Make each layer from the size that comes out of those before it.
   *
   * @param inSize The size that goes in, without the batch.
   * @param makers Called in order.
   */
  static build<
    I extends tf.Tensor = tf.Tensor,
    O extends tf.Tensor = tf.Tensor,
  >(
    inSize: Size,
    ...makers: readonly ((size: Size) => Layer)[]
  ): Sequential<I, O> {
    const layers: Layer[] = [];
    let size = inSize;
    for (const [i, make] of makers.entries()) {
      const layer = make(size);
      layers.push(layer);
      size = sizeAfter(layer, size, i) ?? unknownSize(i);
    }
    return new Sequential<I, O>(...layers);
  }

  /** How many layers there are. */
  get length(): number {
    return this.layers.length;
  }

  /** The size that comes out when `inSize` goes in. */
  outSize(inSize: Size): Size {
    return this.#sizes(inSize) ?? unknownSize(this.length - 1);
  }

  /** Run the layers, one after another. */
  override update(x: I): O {
    return tf.tidy(() => {
      let y: tf.Tensor = x;
      for (const layer of this.layers) {
        y = layer instanceof Module
          ? layer.call(y as never) as tf.Tensor
          : layer(y as never);
      }
      return y as O;
    });
  }

  /** The size that comes out, if it is known. */
  #sizes(inSize: Size | undefined): Size | undefined {
    return this.layers.reduce(
      (size: Size | undefined, layer, i) => sizeAfter(layer, size, i),
      inSize,
    );
  }
}

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
    `Cannot work out the size after layers.${i}: it has no method outSize`,
  );
}
