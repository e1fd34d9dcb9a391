/**
 * Layers, activations, initializers, losses, metrics, and tools for modules.
 *
 * @module
 */
export * as init from "./init/mod.ts";
export type { Initializer } from "./init/mod.ts";

export * from "./module/module.ts";
export * from "./module/filter.ts";
export * from "./module/sequential.ts";
export type { Size, Sized } from "./module/size.ts";

export * from "./layers/linear.ts";
export * from "./layers/conv.ts";
export * from "./layers/conv_transpose.ts";
export * from "./layers/pool.ts";
export * from "./layers/adaptive_pool.ts";
export type { Padding, PerAxis, ResolvedPadding } from "./layers/window.ts";
export * from "./layers/shape.ts";
export * from "./layers/batch_norm.ts";
export * from "./layers/norm.ts";
export * from "./layers/dropout.ts";
export * from "./layers/embedding.ts";
export * from "./layers/rnn_cell.ts";
export * from "./layers/rnn_weights.ts";
export * from "./layers/rnn_cells.ts";
export * from "./layers/rnn.ts";
export * from "./layers/attention.ts";
export * from "./layers/transformer.ts";
export * from "./layers/lora.ts";

export * from "./activations/functions.ts";
export * from "./activations/modules.ts";
export * from "./activations/prelu.ts";
export * from "./activations/rrelu.ts";
export * from "./losses/mod.ts";
export * from "./metrics/mod.ts";

export * from "./module/freeze.ts";
export * from "./module/inspect.ts";
export * from "./losses/safe_norm.ts";
export * from "./module/sequence.ts";
export * from "./module/state_dict.ts";
