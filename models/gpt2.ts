/**
 * GPT-2.
 *
 * @module
 */
import { stored } from "../checkpoint.ts";
import {
  check,
  checkOptions,
  instanceOf,
  type OptionRules,
  refuse,
} from "../internal/check.ts";
import * as nn from "../nn/mod.ts";
import type { RandomState } from "../random.ts";
import { stream } from "../random/state.ts";
import * as tf from "../tf.ts";
import { generate, type GenerateOptions } from "./generate.ts";
import type { Layout, Pretrained } from "./pretrained.ts";
import { checkHeads } from "./transformer/attention.ts";
import { Block } from "./transformer/block.ts";
import { KeyValueCache } from "./transformer/cache.ts";

/** The sizes of {@linkcode Gpt2}, and its dropout. */
export interface Gpt2Options {
  /** The number of tokens. Default: 50257. */
  readonly vocabulary?: number;
  /** The longest sequence. Default: 1024. */
  readonly context?: number;
  /** The number of features. Default: 768. */
  readonly width?: number;
  /** The number of blocks. Default: 12. */
  readonly layers?: number;
  /** The number of heads, which must divide the width. Default: 12. */
  readonly heads?: number;
  /** The probability of dropping in training. Default: 0.1. */
  readonly rate?: number;
  /** The stream of initializers and dropout. Default: the default stream. */
  readonly random?: RandomState;
}

const RULES: OptionRules<Gpt2Options> = {
  vocabulary: "a positive integer",
  context: "a positive integer",
  width: "a positive integer",
  layers: "a positive integer",
  heads: "a positive integer",
  rate: "in [0, 1)",
  random: stream,
};

const keyValueCache = instanceOf(KeyValueCache, "a KeyValueCache");

/** The sizes of the published models. */
export const GPT2_SIZES: Readonly<
  Record<
    "small" | "medium" | "large" | "xl",
    Required<Pick<Gpt2Options, "width" | "layers" | "heads">>
  >
> = {
  small: { width: 768, layers: 12, heads: 12 },
  medium: { width: 1024, layers: 24, heads: 16 },
  large: { width: 1280, layers: 36, heads: 20 },
  xl: { width: 1600, layers: 48, heads: 25 },
};

/** The name in the published files of each part. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^tokens/, "wte"],
  [/^positions/, "wpe"],
  [/^norm/, "ln_f"],
  [/^blocks\.(\d+)\.norm/, "h.$1.ln_"],
  [/^blocks\.(\d+)\.attention\.packed/, "h.$1.attn.c_attn"],
  [/^blocks\.(\d+)\.attention\.out/, "h.$1.attn.c_proj"],
  [/^blocks\.(\d+)\.expand/, "h.$1.mlp.c_fc"],
  [/^blocks\.(\d+)\.contract/, "h.$1.mlp.c_proj"],
];

/** The parts of files that name the model inside another. */
const PREFIX = "transformer.";

/**
 * GPT-2: a transformer that scores the next token after each one (Radford et al. 2019,
 * "Language Models are Unsupervised Multitask Learners").
 *
 * The defaults are the smallest published model, of 124,439,808 parameters;
 * {@linkcode GPT2_SIZES} has the others. {@linkcode loadPretrained} loads the files that
 * Hugging Face publishes, with or without the prefix `transformer.`. The embedding also
 * reads out. Dropout reads `environ.fit`.
 *
 * @example A small model that is trained and generates
 * ```ts
 * import { optim, ParamState, random, tf, train, useBackend } from "@braintape/braintape";
 * import { Gpt2 } from "@braintape/braintape/models";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("wasm");
 * random.seed(1);
 * const sizes = { vocabulary: 5, context: 12, width: 16, layers: 1, heads: 2 };
 * const model = new Gpt2({ ...sizes, rate: 0 });
 * const optimizer = new optim.Adam({ lr: 0.03 })
 *   .registerTrainableWeights(model.states(ParamState));
 * const step = train.step((tokens: tf.Tensor2D) => model.loss(tokens), optimizer);
 * const counting = tf.tensor2d([[0, 1, 2, 3, 4, 0, 1, 2, 3, 4]], [1, 10], "int32");
 * for (let i = 0; i < 60; i++) step(counting).dispose();
 *
 * const tokens: number[] = [];
 * for await (
 *   const token of model.generate([0, 1], { maxTokens: 4, temperature: 0 })
 * ) tokens.push(token);
 * assertEquals(tokens, [2, 3, 4, 0]);
 * ```
 */
export class Gpt2 extends nn.Module implements Pretrained {
  /** `[vocabulary, width]` */
  readonly tokens: nn.Embedding;
  /** `[context, width]` */
  readonly positions: nn.Embedding;
  /** The blocks. */
  readonly blocks: readonly Block[];
  /** The normalization after the blocks. */
  readonly norm: nn.LayerNorm<tf.Tensor2D>;
  /** The dropout of the embeddings. */
  readonly dropout: nn.Dropout<tf.Tensor3D>;
  /** The number of tokens. */
  readonly vocabulary: number;
  /** The longest sequence. */
  readonly context: number;

  /**
   * Create the parameters.
   *
   * @param options See {@linkcode Gpt2Options}.
   */
  constructor(options: Gpt2Options = {}) {
    super();
    checkOptions("create Gpt2", options, RULES);
    const { vocabulary = 50257, context = 1024, rate = 0.1, random } = options;
    const { small } = GPT2_SIZES;
    const { width = small.width, layers = small.layers, heads = small.heads } =
      options;
    checkHeads("create Gpt2", width, heads);
    const embedding = (count: number, std: number) =>
      new nn.Embedding(count, width, {
        weightInit: new nn.init.Normal({ std }),
        ...random && { random },
      });
    this.vocabulary = vocabulary;
    this.context = context;
    this.tokens = embedding(vocabulary, 0.02);
    this.positions = embedding(context, 0.02);
    const settings = {
      width,
      layers,
      heads,
      rate,
      random,
      eps: 1e-5,
      causal: true,
      approximateGelu: true,
    };
    this.blocks = Array.from({ length: layers }, () => new Block(settings));
    this.norm = new nn.LayerNorm(width, { eps: settings.eps });
    this.dropout = new nn.Dropout({ rate, ...random && { random } });
  }

  /**
   * The scores of the next token after each one.
   *
   * @param tokens `[batch, time]`, of dtype `int32`.
   * @param cache What has been computed of the tokens before these, which is extended.
   * Default: there are none before.
   * @returns `[batch, time, vocabulary]`
   * @throws {RangeError} If there are more tokens than the context has places.
   */
  override update(tokens: tf.Tensor2D, cache?: KeyValueCache): tf.Tensor3D {
    const [batch, time] = this.#checked(tokens, cache);
    return tf.tidy(() =>
      tf.reshape(this.#scores(this.#hidden(tokens, cache)), [
        batch,
        time,
        this.vocabulary,
      ])
    );
  }

  /**
   * The scores of the token after the last one: as the last row of `call`, without
   * computing the others.
   *
   * @param tokens `[1, time]`, of dtype `int32`.
   * @param cache What has been computed of the tokens before these, which is extended.
   * @returns `[vocabulary]`
   */
  next(tokens: tf.Tensor2D, cache?: KeyValueCache): tf.Tensor1D {
    const [batch, time] = this.#checked(tokens, cache);
    if (batch !== 1) refuse("call Gpt2", "tokens", "one sequence", tokens);
    return tf.tidy(() => {
      const hidden = this.#hidden(tokens, cache);
      const last = tf.slice(hidden, [time - 1, 0], [1, -1]);
      return tf.reshape(this.#scores(last), [this.vocabulary]);
    });
  }

  /**
   * The mean cross entropy of each token, given those before it.
   *
   * @param tokens `[batch, time]`, of dtype `int32`, at least two in a row.
   */
  loss(tokens: tf.Tensor2D): tf.Scalar {
    const [batch, time] = this.#checked(tokens);
    if (time < 2) {
      refuse(
        "compute the loss of Gpt2",
        "tokens",
        "two or more in a row",
        tokens,
      );
    }
    return tf.tidy(() => {
      const before = tf.slice(tokens, [0, 0], [batch, time - 1]);
      const after = tf.slice(tokens, [0, 1], [batch, time - 1]);
      return nn.softmaxCrossEntropy((this as Gpt2).call(before), after, {
        reduction: "mean",
      }) as tf.Scalar;
    });
  }

  /**
   * Tokens that continue a prompt, one after the other.
   *
   * @param prompt One or more tokens.
   * @param options See {@linkcode GenerateOptions}.
   * @throws {RangeError} If prompt and new tokens do not fit into the context.
   */
  generate(
    prompt: ArrayLike<number>,
    options: GenerateOptions = {},
  ): AsyncGenerator<number, void, void> {
    return generate(this, prompt, options);
  }

  /** How published files name the weights; whether with a prefix, `names` tells. */
  layout(names: readonly string[] = []): Layout {
    const isInside = names.some((name) => name.startsWith(PREFIX));
    const prefix = isInside || names.length === 0 ? PREFIX : "";
    return {
      map: (path) => {
        const [pattern, name] = NAMES.find(([regExp]) => regExp.test(path))!;
        return stored(prefix + path.replace(pattern, name));
      },
      // The causal mask, which older files have.
      ignore: [/^(transformer\.)?h\.\d+\.attn\.(masked_)?bias$/],
    };
  }

  #checked(
    tokens: tf.Tensor2D,
    cache?: KeyValueCache,
  ): [batch: number, time: number] {
    nn.checkInput("Gpt2", tokens, [null], 2);
    if (cache) check("call Gpt2", "the cache", cache, keyValueCache);
    const [batch, time] = tokens.shape, past = cache?.length ?? 0;
    if (time === 0) {
      refuse("call Gpt2", "tokens", "one or more in a row", tokens);
    }
    if (past + time > this.context) {
      const is = `at most ${
        this.context - past
      }, as the context has places left`;
      refuse("call Gpt2", "the number of tokens", is, time);
    }
    if (cache && cache.batch !== 0 && cache.batch !== batch) {
      refuse(
        "call Gpt2",
        "tokens",
        `${cache.batch} sequences, as in the cache`,
        tokens,
      );
    }
    return [batch, time];
  }

  /** The features of each token, `[batch * time, width]`. */
  #hidden(tokens: tf.Tensor2D, cache?: KeyValueCache): tf.Tensor2D {
    const [batch, time] = tokens.shape, past = cache?.length ?? 0;
    const width = this.norm.inSize[0]!;
    const content = this.tokens.call(tokens);
    const places = tf.slice(this.positions.weight.value, [past, 0], [
      time,
      width,
    ]);
    const embedded = this.dropout.call(tf.add<tf.Tensor3D>(content, places));
    const rows = tf.reshape<tf.Rank.R2>(embedded, [batch * time, width]);
    const run = () =>
      this.blocks.reduce((x, block) => block.call(x, time, cache), rows);
    return this.norm.call(cache ? cache.extending(run) : run());
  }

  #scores(hidden: tf.Tensor2D): tf.Tensor2D {
    return tf.matMul(hidden, this.tokens.weight.value, false, true);
  }
}
