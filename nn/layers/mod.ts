/**
 * Layers.
 *
 * @module
 */
export { Linear } from "./linear.ts";
export type { WeightOptions } from "./weight_options.ts";
export type { MaskedWeightOptions, WeightMask } from "./weight_mask.ts";
export type {
  ConvBase,
  ConvKind,
  ConvSettings,
  ConvSettingsOptions,
} from "./conv_base.ts";
export * from "./conv.ts";
export * from "./conv_transpose.ts";
export * from "./pool.ts";
export * from "./adaptive_pool.ts";
export type { CellCounts, Padding, PaddingPairs, PerAxis } from "./window.ts";
export {
  CircularPad,
  ConstantPad,
  type ConstantPadOptions,
  CopiedPad,
  Pad,
  ReflectionPad,
  ReplicationPad,
} from "./pads.ts";
export * from "./padding.ts";
export * from "./shape.ts";
export {
  BatchNorm,
  BatchNorm0d,
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type BatchNormOptions,
} from "./batch_norm.ts";
export * from "./refresh_statistics.ts";
export type { Normalization, NormOptions } from "./norm.ts";
export * from "./layer_norm.ts";
export * from "./group_norm.ts";
export * from "./dropout.ts";
export * from "./embedding.ts";
export {
  type BoundCell,
  type CellState,
  type HiddenStates,
  RNNCell,
} from "./rnn_cell.ts";
export type { CellOptions, CellWeights } from "./rnn_weights.ts";
export {
  type CandidateCell,
  type CandidateCellOptions,
  GRUCell,
  MGUCell,
} from "./gru_cells.ts";
export { LSTMCell, VanillaRNNCell } from "./rnn_cells.ts";
export {
  RNN,
  type RNNOptions,
  type RNNResult,
  type RNNStart,
  scan,
} from "./rnn.ts";
export {
  GRU,
  type GRUOptions,
  LSTM,
  type StackedResult,
  type StackedRNN,
  type StackedRNNOptions,
  type StackedStart,
} from "./stacked_rnn.ts";
export {
  type AttentionMask,
  type AttentionOptions,
  scaledDotProductAttention,
} from "./scaled_dot_product.ts";
export * from "./attention.ts";
export * from "./transformer.ts";
export { LoRA, type LoRAOptions } from "./lora.ts";
export { addLoRA, type AddLoRAOptions, mergeLoRA } from "./add_lora.ts";
