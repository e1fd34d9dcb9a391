/**
 * A block of a transformer.
 *
 * @module
 */
import * as nn from "../../nn/mod.ts";
import * as tf from "../../tf.ts";
import {
  type Dense,
  dense,
  PackedAttention,
  residualStd,
  type TransformerSettings,
} from "./attention.ts";
import type { KeyValueCache } from "./cache.ts";

/**
 * A block with normalization before each part, as in GPT-2 and vision transformers.
 *
 * ```text
 * x ← x + dropout(attention(norm1(x)))
 * x ← x + dropout(contract(gelu(expand(norm2(x)))))
 * ```
 */
export class Block extends nn.Module {
  /** The normalization before attention. */
  readonly norm1: nn.LayerNorm<tf.Tensor2D>;
  /** The attention. */
  readonly attention: PackedAttention;
  /** The normalization before the dense layers. */
  readonly norm2: nn.LayerNorm<tf.Tensor2D>;
  /** `[width, 4 width]` */
  expand: Dense;
  /** `[4 width, width]` */
  contract: Dense;
  /** The dropout after each part. */
  readonly dropout: nn.Dropout<tf.Tensor2D>;
  readonly #approximate: boolean;

  /** Create the parameters. */
  constructor(settings: TransformerSettings) {
    super();
    const { width, eps, rate, random } = settings;
    this.norm1 = new nn.LayerNorm(width, { eps });
    this.attention = new PackedAttention(settings);
    this.norm2 = new nn.LayerNorm(width, { eps });
    this.expand = dense(width, 4 * width, settings);
    this.contract = dense(4 * width, width, settings, residualStd(settings));
    this.dropout = new nn.Dropout({ rate, ...random && { random } });
    this.#approximate = settings.approximateGelu;
  }

  /** `[batch * time, width]` to the same; with a cache, after the places in it. */
  override update(
    x: tf.Tensor2D,
    time: number,
    cache?: KeyValueCache,
  ): tf.Tensor2D {
    return tf.tidy(() => {
      const attended = this.attention.call(this.norm1.call(x), time, cache);
      const seen = tf.add<tf.Tensor2D>(x, this.dropout.call(attended));
      const wide = nn.gelu(this.expand.call(this.norm2.call(seen)), {
        approximate: this.#approximate,
      });
      const narrow = this.contract.call(wide);
      return tf.add<tf.Tensor2D>(seen, this.dropout.call(narrow));
    });
  }
}
