/**
 * Generating tokens one after the other.
 *
 * @module
 */
import { environ } from "../environ.ts";
import {
  check,
  checkOptions,
  either,
  listOf,
  type OptionRules,
  refuse,
  rule,
} from "../internal/check.ts";
import * as tf from "../tf.ts";
import { drawToken, SAMPLING_RULES, type SamplingOptions } from "./sampling.ts";
import { KeyValueCache } from "./transformer/cache.ts";

/** Options of generating tokens. */
export interface GenerateOptions extends SamplingOptions {
  /** How many tokens to generate at most. Default: as many as fit into the context. */
  readonly maxTokens?: number;
  /** A token, or tokens, that end the text; they are not returned. Default: none. */
  readonly stop?: number | readonly number[];
}

const RULES: OptionRules<GenerateOptions> = {
  ...SAMPLING_RULES,
  maxTokens: "a positive integer",
  stop: either("a nonnegative integer", listOf("a nonnegative integer")),
};

const numbers = rule(
  "a list or a typed array",
  (x) => Array.isArray(x) || ArrayBuffer.isView(x),
);

/** What generates: a model of sequences with a cache. */
export interface Generator {
  /** The number of tokens. */
  readonly vocabulary: number;
  /** The longest sequence. */
  readonly context: number;
  /** The scores of the token after the last one, `[vocabulary]`. */
  next(tokens: tf.Tensor2D, cache: KeyValueCache): tf.Tensor1D;
}

/** See {@linkcode Gpt2.generate}. What is wrong with arguments is told at once. */
export function generate(
  model: Generator,
  prompt: ArrayLike<number>,
  options: GenerateOptions,
): AsyncGenerator<number, void, void> {
  const action = "generate";
  check(action, "the prompt", prompt, numbers);
  checkOptions(action, options, RULES);
  const { context, vocabulary } = model;
  const tokens = Array.from(prompt);
  if (tokens.length === 0 || tokens.length >= context) {
    const is = `of 1 to ${context - 1} tokens`;
    refuse(action, "the prompt", is, tokens);
  }
  for (const [i, token] of tokens.entries()) {
    check(action, `prompt[${i}]`, token, "a nonnegative integer");
    if (token < vocabulary) continue;
    refuse(action, `prompt[${i}]`, `below ${vocabulary}`, token);
  }
  const room = context - tokens.length;
  const { maxTokens = room } = options;
  if (maxTokens > room) {
    const is = `at most ${room}, what the prompt leaves of the context`;
    refuse(action, "maxTokens", is, maxTokens);
  }
  return generating(model, tokens, maxTokens, options);
}

async function* generating(
  model: Generator,
  prompt: readonly number[],
  maxTokens: number,
  options: GenerateOptions,
): AsyncGenerator<number, void, void> {
  const stops = [options.stop ?? []].flat();
  const cache = new KeyValueCache();
  try {
    let unseen = prompt;
    for (let i = 0; i < maxTokens; i++) {
      const scores = tf.tidy(() =>
        environ.context({ fit: false }, () =>
          model.next(
            tf.tensor2d([...unseen], [1, unseen.length], "int32"),
            cache,
          ))
      );
      const values = await scores.data();
      scores.dispose();
      const token = drawToken(values, options);
      if (stops.includes(token)) return;
      yield token;
      unseen = [token];
    }
  } finally {
    cache.dispose();
  }
}
