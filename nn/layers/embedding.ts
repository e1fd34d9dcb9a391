/**
 * Embeddings: a vector for each integer.
 *
 * @module
 */
import {
  boolean,
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
import { perOccurrence, renormalized } from "./embedding_rules.ts";

/** Options of {@linkcode Embedding}. */
export interface EmbeddingOptions {
  /** An index whose vector is zero and is not trained. Default: none. */
  readonly paddingIdx?: number;
  /**
   * The largest norm of a vector: those that a call looks up and that are longer are
   * scaled down, in the weight itself. Default: none.
   */
  readonly maxNorm?: number;
  /** The order of the norm, with `maxNorm`: positive, or Infinity. Default: 2. */
  readonly normType?: number;
  /**
   * Whether the gradient of a vector is divided by how often the call looks it up: their
   * mean, where it would be their sum. Default: false.
   */
  readonly scaleGradByFreq?: boolean;
  /** The initializer. Default: {@linkcode Normal} with `std` `1 / √size`. */
  readonly weightInit?: Initializer;
  /** The stream of the initializer. Default: the default stream. */
  readonly random?: RandomState;
}

const RULES: OptionRules<EmbeddingOptions> = {
  paddingIdx: "a nonnegative integer",
  maxNorm: "a positive finite number",
  normType: "a positive number",
  scaleGradByFreq: boolean,
  weightInit: initializer,
  random: stream,
};

const { weightInit: _, random: __, ...PRETRAINED_RULES } = RULES;

/**
 * A vector for each integer below `count`.
 *
 * Vectors begin normal with variance `1 / size`, so that they have norm 1 whatever
 * `count` is. (brainstate's variance is `1 / count`, which is tiny for large
 * vocabularies; torch's is 1.)
 *
 * With `maxNorm`, as in torch, a call first writes the weight, in training and
 * prediction, eager and compiled alike:
 *
 * ```text
 * w[i] ← w[i] maxNorm / (‖w[i]‖ + 1e-7)     for each index i, where ‖w[i]‖ > maxNorm
 * ```
 *
 * That is no part of the gradient, which is taken at the vectors as they are then. Several
 * processes would each write what their own batch looks up, and come apart: `fit` refuses
 * `maxNorm` there.
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
  /** The largest norm of a vector that is looked up. */
  readonly maxNorm: number | null;
  /** The order of that norm. */
  readonly normType: number;
  /** Whether gradients are divided by how often a vector is looked up. */
  readonly scaleGradByFreq: boolean;

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
      maxNorm,
      normType,
      scaleGradByFreq = false,
    } = options;
    if (normType !== undefined && maxNorm === undefined) {
      refuse("create Embedding", "normType", "given with maxNorm", normType);
    }
    if (paddingIdx !== undefined && paddingIdx >= count) {
      refuse("create Embedding", "paddingIdx", `below ${count}`, paddingIdx);
    }
    this.paddingIdx = paddingIdx ?? null;
    this.maxNorm = maxNorm ?? null;
    this.normType = normType ?? 2;
    this.scaleGradByFreq = scaleGradByFreq;
    this.weight = param("Embedding.weight", weightInit, [count, size], random);
  }

  /**
   * An embedding with given vectors.
   *
   * @param weight `[count, size]`, which the caller still owns.
   * @param options All but `weightInit` and `random`.
   */
  static fromPretrained(
    weight: tf.Tensor2D,
    options: Omit<EmbeddingOptions, "weightInit" | "random"> = {},
  ): Embedding {
    check("create Embedding", "weight", weight, tensor);
    if (weight.rank !== 2) {
      refuse("create Embedding", "weight", "of shape [count, size]", weight);
    }
    checkOptions("create Embedding", options, PRETRAINED_RULES);
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
      const vectors = this.#vectors(indices);
      if (this.paddingIdx === null) return vectors;
      const kept = tf.cast(tf.notEqual(indices, this.paddingIdx), "float32");
      return tf.mul(vectors, tf.expandDims(kept, -1));
    });
  }

  /** The rows of the weight, which is renormalized first if it is to be. */
  #vectors(indices: tf.Tensor): tf.Tensor {
    const { weight, maxNorm, normType } = this;
    const rows = maxNorm === null
      ? weight.value
      : renormalized(weight.value, indices, maxNorm, normType);
    const vectors = tf.gather(rows, indices);
    // After the lookup, which refuses indices that are out of range.
    if (maxNorm !== null) weight.value = rows;
    return this.scaleGradByFreq
      ? perOccurrence(vectors, indices, rows.shape[0])
      : vectors;
  }
}
