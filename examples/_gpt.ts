/** A small GPT: the model of char_gpt.ts, which the benchmarks measure too. */
import { nn, tf } from "@braintape/braintape";

/** The sizes of the model. */
export interface GptSizes {
  readonly characters: number;
  readonly context: number;
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
}

/** Weights as in GPT-2: small, and smaller where they feed the residual sum. */
const weights = (layers = 0.5) => ({
  bias: false,
  weightInit: new nn.init.Normal({ std: 0.02 / Math.sqrt(2 * layers) }),
});

/** Causal self-attention. */
class Attention extends nn.Module {
  readonly joined: nn.Linear;
  readonly out: nn.Linear;
  readonly #heads: number;

  constructor({ width, heads, layers }: GptSizes) {
    super();
    this.joined = new nn.Linear(width, 3 * width, weights()); // q, k and v
    this.out = new nn.Linear(width, width, weights(layers));
    this.#heads = heads;
  }

  /** `[batch * time, width]` to the same. */
  override update(x: tf.Tensor2D, time: number): tf.Tensor2D {
    const [rows, width] = x.shape;
    const batch = rows / time;
    const size = width / this.#heads;
    const [q, k, v] = tf.split(this.joined.call(x), 3, 1).map((y) =>
      tf.reshape<tf.Rank.R4>(y, [batch, time, this.#heads, size])
    );
    const mixed = nn.scaledDotProductAttention(q!, k!, v!, {
      causal: true,
      timeFirst: true,
    });
    return this.out.call(tf.reshape<tf.Rank.R2>(mixed, [rows, width]));
  }
}

/** Attention, then a dense layer of four times the width. */
class Block extends nn.Module {
  readonly norm1: nn.LayerNorm<tf.Tensor2D>;
  readonly attention: Attention;
  readonly norm2: nn.LayerNorm<tf.Tensor2D>;
  readonly expand: nn.Linear;
  readonly contract: nn.Linear;

  constructor(sizes: GptSizes) {
    super();
    const { width, layers } = sizes;
    this.norm1 = new nn.LayerNorm(width, { bias: false, eps: 1e-5 });
    this.attention = new Attention(sizes);
    this.norm2 = new nn.LayerNorm(width, { bias: false, eps: 1e-5 });
    this.expand = new nn.Linear(width, 4 * width, weights());
    this.contract = new nn.Linear(4 * width, width, weights(layers));
  }

  override update(x: tf.Tensor2D, time: number): tf.Tensor2D {
    const seen = tf.add<tf.Tensor2D>(
      x,
      this.attention.call(this.norm1.call(x), time),
    );
    const wide = nn.gelu(this.expand.call(this.norm2.call(seen)), {
      approximate: true,
    });
    return tf.add(seen, this.contract.call(wide));
  }
}

/** From characters to scores of the next character after each. */
export class Gpt extends nn.Module {
  readonly characters: nn.Embedding;
  readonly positions: nn.Embedding;
  readonly blocks: readonly Block[];
  readonly norm: nn.LayerNorm<tf.Tensor2D>;

  constructor(sizes: GptSizes) {
    super();
    const { characters, context, width, layers } = sizes;
    const { weightInit } = weights();
    this.characters = new nn.Embedding(characters, width, { weightInit });
    this.positions = new nn.Embedding(context, width, { weightInit });
    this.blocks = Array.from({ length: layers }, () => new Block(sizes));
    this.norm = new nn.LayerNorm(width, { bias: false, eps: 1e-5 });
  }

  /** `[batch, time]` to `[batch * time, characters]`. */
  override update(tokens: tf.Tensor2D): tf.Tensor2D {
    const [batch, time] = tokens.shape;
    const width = this.characters.weight.shape[1]!;
    const content = this.characters.call(tokens); // [batch, time, width]
    const place = tf.slice(this.positions.weight.value, [0, 0], [time, width]);
    let x = tf.reshape<tf.Rank.R2>(tf.add(content, place), [
      batch * time,
      width,
    ]);
    for (const block of this.blocks) x = block.call(x, time);
    // The embedding also reads out: one matrix for both, as in GPT-2.
    return tf.matMul(
      this.norm.call(x),
      this.characters.weight.value,
      false,
      true,
    );
  }
}
