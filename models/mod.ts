/**
 * Known architectures, whose published weights can be loaded.
 *
 * They are not part of the main entry: import them from
 * `@braintape/braintape/models`.
 *
 * | model | weights published by |
 * | --- | --- |
 * | {@linkcode Gpt2} | Hugging Face (`openai-community/gpt2`, ...) |
 * | {@linkcode ResNet} | torchvision (`resnet18`, `resnet34`) |
 * | {@linkcode MobileNetV2} | torchvision (`mobilenet_v2`) |
 * | {@linkcode VisionTransformer} | timm (`vit_tiny_patch16_224`, ...) |
 *
 * {@linkcode torchLayout} does the same for models of your own.
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
export { torchLayout, type TorchLayoutOptions } from "./torch_layout.ts";
export {
  type Dense,
  PackedAttention,
  type TransformerSettings,
} from "./transformer/attention.ts";
export { Block } from "./transformer/block.ts";
export { KeyValueCache } from "./transformer/cache.ts";
export {
  type MobileNetStage,
  MobileNetV2,
  type MobileNetV2Options,
} from "./vision/mobilenet.ts";
export { ResNet, type ResNetOptions } from "./vision/resnet.ts";
export {
  VisionTransformer,
  type VisionTransformerOptions,
  VIT_SIZES,
} from "./vision/vit.ts";
