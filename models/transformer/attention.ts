/**
 * Self-attention with one projection to queries, keys and values.
 *
 * @module
 */
import { environ } from "../../environ.ts";
import { refuse } from "../../internal/check.ts";
import * as nn from "../../nn/mod.ts";
import type { RandomState } from "../../random.ts";
import * as tf from "../../tf.ts";
import type { KeyValueCache } from "./cache.ts";

/** A dense layer, which may have been adapted. */
export type Dense = nn.Linear | nn.LoRA;

/** What the parts of a transformer share. */
export interface TransformerSettings {
  /** The number of features. */
  readonly width: number;
  /** The number of heads. */
  readonly heads: number;
  /** The number of blocks. */
  readonly layers: number;
  /** The probability of dropping, in attention and after each part. */
  readonly rate: number;
  /** Added to the variance in normalizations. */
  readonly eps: number;
  /** Whether a place attends only to itself and those before it. */
  readonly causal: boolean;
  /** Whether GELU is approximated with a tanh. */
  readonly approximateGelu: boolean;
  /** The stream of initializers and dropout; undefined for the default one. */
  readonly random: RandomState | undefined;
}

/** Throws unless the heads share the features evenly. */
export function checkHeads(action: string, width: number, heads: number): void {
  if (width % heads === 0) return;
  refuse(action, "heads", `a divisor of the width, ${width}`, heads);
}

/** A dense layer that begins normal, as in GPT-2. */
export function dense(
  inputs: number,
  outputs: number,
  { random }: Pick<TransformerSettings, "random">,
  std = 0.02,
): nn.Linear {
  return new nn.Linear(inputs, outputs, {
    weightInit: new nn.init.Normal({ std }),
    ...random && { random },
  });
}

/**
 * The deviation of weights that feed the residual sum, of which there are two in each
 * block: `0.02 / √(2 layers)`.
 */
export function residualStd({ layers }: TransformerSettings): number {
  return 0.02 / Math.sqrt(2 * layers);
}

/** Self-attention of a transformer, on the rows of a matrix. */
export class PackedAttention extends nn.Module {
  /** `[width, 3 width]`: queries, keys and values. */
  packed: Dense;
  /** `[width, width]` */
  out: Dense;
  readonly #settings: TransformerSettings;

  /** Create the parameters. */
  constructor(settings: TransformerSettings) {
    super();
    const { width, heads } = settings;
    checkHeads("create PackedAttention", width, heads);
    this.#settings = settings;
    this.packed = dense(width, 3 * width, settings);
    this.out = dense(width, width, settings, residualStd(settings));
  }

  /** `[batch * time, width]` to the same; with a cache, after the places in it. */
  override update(
    x: tf.Tensor2D,
    time: number,
    cache?: KeyValueCache,
  ): tf.Tensor2D {
    const { width, heads, causal, rate, random } = this.#settings;
    nn.checkInput("PackedAttention", x, [width], 2);
    const batch = x.shape[0] / time;
    if (!Number.isInteger(batch)) {
      const is = `of a multiple of ${time} rows, the number of places`;
      refuse("call PackedAttention", "the input", is, x);
    }
    return tf.tidy(() => {
      const [q, k, v] = tf.split(this.packed.call(x), 3, 1).map((part) =>
        tf.reshape<tf.Rank.R4>(part, [batch, time, heads, width / heads])
      );
      const [keys, values] = cache ? cache.extend(k!, v!) : [k!, v!];
      const mixed = nn.scaledDotProductAttention(q!, keys, values, {
        causal,
        timeFirst: true,
        rate: rate > 0 && environ.get("fit") ? rate : 0,
        ...random && { random },
      });
      return this.out.call(tf.reshape<tf.Rank.R2>(mixed, x.shape));
    });
  }
}
