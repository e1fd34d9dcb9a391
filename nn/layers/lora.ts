/**
 * Low-rank adaptation.
 *
 * @module
 */
import {
  check,
  checkOptions,
  instanceOf,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { scope } from "../../memory.ts";
import type { RandomState } from "../../random.ts";
import { stream } from "../../random/state.ts";
import type { ParamState } from "../../state.ts";
import { freeze } from "../module/freeze.ts";
import { KaimingUniform, Zero } from "../init/mod.ts";
import { Linear } from "./linear.ts";
import { Module } from "../module/module.ts";
import { param } from "../module/param.ts";
import { lastAxis, type Size } from "../module/size.ts";

/** Options of {@linkcode LoRA}. */
export interface LoRAOptions {
  /** The adaptation is scaled by `alpha / rank`. Default: the rank. */
  readonly alpha?: number;
  /** The stream of the initializer. Default: the default stream. */
  readonly random?: RandomState;
}

/** The rules of {@linkcode LoRAOptions}. */
export const LORA_RULES: OptionRules<LoRAOptions> = {
  alpha: "a finite number",
  random: stream,
};

/**
 * A frozen dense layer plus a trained product of low rank.
 *
 * ```text
 * y = base(x) + alpha / rank · x A B
 * ```
 *
 * `A` is `[in, rank]`, `B` is `[rank, out]` and begins at zero, so that training begins
 * with the layer as it was. The layer is frozen: {@linkcode trainable} leaves it out.
 * (Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".)
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const layer = new nn.LoRA(new nn.Linear(64, 32), 4);
 * assertEquals(Object.keys(nn.trainable(layer)), ["down", "up"]);
 * assertEquals(layer.call(tf.ones<tf.Rank.R2>([2, 64])).shape, [2, 32]);
 * ```
 *
 * @typeParam T The rank of input and output.
 */
export class LoRA<T extends tf.Tensor = tf.Tensor2D> extends Module {
  /** The adapted layer. */
  readonly base: Linear<T>;
  /** `A`, `[in, rank]` */
  readonly down: ParamState<tf.Tensor2D>;
  /** `B`, `[rank, out]` */
  readonly up: ParamState<tf.Tensor2D>;
  /** The factor of the adaptation, `alpha / rank`. */
  readonly scale: number;

  /**
   * Adapt a layer, and freeze it.
   *
   * @param base The layer to adapt.
   * @param rank The rank of `A B`.
   * @param options See {@linkcode LoRAOptions}.
   */
  constructor(
    base: Linear<T>,
    rank: number,
    options: LoRAOptions = {},
  ) {
    super();
    check("create LoRA", "base", base, instanceOf(Linear, "a Linear"));
    checkOptions("create LoRA", options, LORA_RULES);
    if (base.weightMask) {
      refuse("create LoRA", "base", "a Linear without weightMask", base);
    }
    const { alpha = rank, random } = options;
    lastAxis("LoRA", "rank", rank);
    const [inputs, outputs] = base.weight.shape as [number, number];
    this.base = base;
    this.scale = alpha / rank;
    this.down = param(
      "LoRA.down",
      new KaimingUniform(),
      [inputs, rank],
      random,
    );
    this.up = param("LoRA.up", new Zero(), [rank, outputs]);
    freeze(base);
  }

  /** The size of the last axis. */
  get inSize(): Size {
    return this.base.inSize;
  }

  /** `[..., in]` to `[..., out]`. */
  outSize(inSize: Size): Size {
    return this.base.outSize(inSize);
  }

  /** `[..., in]` to `[..., out]`. */
  override update(x: T): T {
    return tf.tidy(() => {
      const y = this.base.call(x);
      const [inputs, outputs] = this.base.weight.shape as [number, number];
      const leading = x.shape.slice(0, -1);
      const rows = tf.reshape<tf.Rank.R2>(x, [
        tf.util.sizeFromShape(leading),
        inputs,
      ]);
      const low = tf.matMul(tf.matMul(rows, this.down.value), this.up.value);
      const change = tf.reshape(tf.mul(low, this.scale), [...leading, outputs]);
      return tf.add(y, change) as T;
    });
  }

  /**
   * Adds the adaptation to the layer's weight, and resets `B` to zero: the output stays
   * the same.
   *
   * @returns The layer.
   */
  merge(): Linear<T> {
    scope(() => {
      const change = tf.matMul(this.down.value, this.up.value);
      const { weight } = this.base;
      weight.value = tf.add(weight.value, tf.mul(change, this.scale));
      this.up.value = tf.zerosLike(this.up.value);
    });
    return this.base;
  }
}
