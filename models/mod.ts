/**
 * Known architectures, whose published weights can be loaded.
 *
 * They are not part of the main entry: import them from
 * `@braintape/braintape/models`.
 *
 * | model | weights published by |
 * | --- | --- |
 * | {@linkcode Gpt2} | Hugging Face (`openai-community/gpt2`, ...) |
 *
 * @module
 */
export type { GenerateOptions } from "./generate.ts";
export { Gpt2, GPT2_SIZES, type Gpt2Options } from "./gpt2.ts";
export {
  type Layout,
  loadPretrained,
  type LoadPretrainedOptions,
  type Pretrained,
  savePretrained,
} from "./pretrained.ts";
export type { SamplingOptions } from "./sampling.ts";
export {
  type Dense,
  PackedAttention,
  type TransformerSettings,
} from "./transformer/attention.ts";
export { Block } from "./transformer/block.ts";
export { KeyValueCache } from "./transformer/cache.ts";
