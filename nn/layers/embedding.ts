/**
 * Embeddings: a vector for each integer.
 *
 * @module
 */
import {
  check,
  checkOptions,
  type OptionRules,
  refuse,
  tensor,
} from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import type { RandomState } from "../../random.ts";
import type { ParamState } from "../../state.ts";
import { stream } from "../../random/state.ts";
import { type Initializer, initializer } from "../init/initializer.ts";
import { Normal } from "../init/mod.ts";
import { Module } from "../module/module.ts";
import { param } from "../module/param.ts";
import { checkInput, lastAxis, type Size } from "../module/size.ts";

/** Options of {@linkcode Embedding}. */
export interface EmbeddingOptions {
  /** An index whose vector is zero and is not trained. Default: none. */
  readonly paddingIdx?: number;
  /** The initializer. Default: {@linkcode Normal} with `std` `1 / √size`. */
  readonly weightInit?: Initializer;
  /** The stream of the initializer. Default: the default stream. */
  readonly random?: RandomState;
}

const RULES: OptionRules<EmbeddingOptions> = {
  paddingIdx: "a nonnegative integer",
  weightInit: initializer,
  random: stream,
};

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
  /** The index whose vector is zero. */
  readonly paddingIdx: number | null;

  /**
   * Create the vectors.
   *
   * @param count The number of vectors.
   * @param size The size of each.
   * @param options See {@linkcode EmbeddingOptions}.
   */
  constructor(
    count: number,
    size: number,
    options: EmbeddingOptions = {},
  ) {
    super();
    checkOptions("create Embedding", options, RULES);
    lastAxis("Embedding", "count", count);
    lastAxis("Embedding", "size", size);
    const {
      paddingIdx,
      weightInit = new Normal({ std: 1 / Math.sqrt(size) }),
      random,
    } = options;
    if (paddingIdx !== undefined && paddingIdx >= count) {
      refuse("create Embedding", "paddingIdx", `below ${count}`, paddingIdx);
    }
    this.paddingIdx = paddingIdx ?? null;
    this.weight = param("Embedding.weight", weightInit, [count, size], random);
  }

  /**
   * An embedding with given vectors.
   *
   * @param weight `[count, size]`, which the caller still owns.
   * @param options Only `paddingIdx`.
   */
  static fromPretrained(
    weight: tf.Tensor2D,
    options: Pick<EmbeddingOptions, "paddingIdx"> = {},
  ): Embedding {
    check("create Embedding", "weight", weight, tensor);
    if (weight.rank !== 2) {
      refuse("create Embedding", "weight", "of shape [count, size]", weight);
    }
    checkOptions("create Embedding", options, {
      paddingIdx: RULES.paddingIdx,
    });
    return new Embedding(weight.shape[0], weight.shape[1], {
      ...options,
      weightInit: { init: () => tf.clone(weight) },
    });
  }

  /** The size of the input, followed by that of a vector. */
  outSize(inSize: Size): Size {
    return [...inSize, this.weight.shape[1]!];
  }

  /**
   * The vectors of `indices`.
   *
   * @param indices `[...]`, of dtype `int32`, from 0 to `count - 1`.
   * @returns `[..., size]`
   * @throws {RangeError} If an index is out of range. On WebGPU, which cannot read indices
   * without waiting, its vector is NaN.
   */
  override update(indices: tf.Tensor): tf.Tensor {
    checkInput("Embedding", indices, []);
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
