/**
 * Embeddings: a vector for each integer.
 *
 * @module
 */
import * as tf from "../../tf.ts";
import type { RandomState } from "../../random.ts";
import type { ParamState } from "../../state.ts";
import { type Initializer, Normal } from "../init/mod.ts";
import { Module } from "../module/module.ts";
import { param } from "../module/param.ts";
import { lastAxis, type Size } from "../module/size.ts";

/** Options of {@linkcode Embedding}. */
export interface EmbeddingOptions {
  /** An index that reads as zeros and is not trained. Default: none. */
  readonly paddingIdx?: number;
  /** What the vectors are before training. Default: normal, of norm about 1. */
  readonly weightInit?: Initializer;
  /** Where the initializer draws from. Default: the default stream. */
  readonly random?: RandomState;
}

/**
 * A vector for each integer below `count`.
 *
 * Vectors begin normal with variance `1 / size`, so that they have norm 1 whatever
 * `count` is. (brainstate's variance is `1 / count`, which is tiny for large
 * vocabularies; torch's is 1.)
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const embedding = new nn.Embedding(1000, 16);
 * const tokens = tf.tensor2d([[1, 2, 3], [4, 5, 6]], undefined, "int32");
 * assertEquals(embedding.call(tokens).shape, [2, 3, 16]);
 * ```
 */
export class Embedding extends Module {
  /** `[count, size]` */
  readonly weight: ParamState<tf.Tensor2D>;
  /** The index that reads as zeros. */
  readonly paddingIdx: number | null;

  /**
   * Make the vectors.
   *
   * @param count How many there are.
   * @param size How long each is.
   * @param options See {@linkcode EmbeddingOptions}.
   */
  constructor(
    count: number,
    size: number,
    {
      paddingIdx,
      weightInit = new Normal({ std: 1 / Math.sqrt(size) }),
      random,
    }: EmbeddingOptions = {},
  ) {
    super();
    lastAxis("Embedding", "count", count);
    lastAxis("Embedding", "size", size);
    if (
      paddingIdx !== undefined &&
      !(Number.isInteger(paddingIdx) && paddingIdx >= 0 &&
        paddingIdx < count)
    ) {
      throw new RangeError(
        `Cannot create Embedding: paddingIdx must be a whole number below ${count}: current value is ${paddingIdx}`,
      );
    }
    this.paddingIdx = paddingIdx ?? null;
    this.weight = param("Embedding.weight", weightInit, [count, size], random);
  }

  /**
   * An embedding with given vectors.
   *
   * @param weight `[count, size]`, which the caller still owns.
   * @param options `paddingIdx`.
   */
  static fromPretrained(
    weight: tf.Tensor2D,
    options: Pick<EmbeddingOptions, "paddingIdx"> = {},
  ): Embedding {
    return new Embedding(weight.shape[0], weight.shape[1], {
      ...options,
      weightInit: { init: () => tf.clone(weight) },
    });
  }

  /** The size of a vector is put behind. */
  outSize(inSize: Size): Size {
    return [...inSize, this.weight.shape[1]!];
  }

  /**
   * The vectors of `indices`.
   *
   * @param indices `[...]`, of dtype `int32`, each below `count`: another one throws
   * on cpu and WASM, and reads as zeros on WebGPU, which cannot look.
   * @returns `[..., size]`
   */
  override update(indices: tf.Tensor): tf.Tensor {
    if (indices.dtype !== "int32") {
      throw new TypeError(
        `Cannot call Embedding: indices must have dtype int32: current dtype is ${indices.dtype}`,
      );
    }
    return tf.tidy(() => {
      const vectors = tf.gather(this.weight.value, indices);
      if (this.paddingIdx === null) return vectors;
      const kept = tf.cast(tf.notEqual(indices, this.paddingIdx), "float32");
      return tf.mul(vectors, tf.expandDims(kept, -1));
    });
  }
}
