/**
 * Layers, activations, initializers, losses, metrics, and tools for modules.
 *
 * @module
 */
export * as init from "./init/mod.ts";
export type { Initializer } from "./init/mod.ts";

export * from "./module.ts";
export * from "./filter.ts";
export * from "./sequential.ts";
export type { Size, Sized } from "./size.ts";

export * from "./linear.ts";
export * from "./conv.ts";
export * from "./conv_transpose.ts";
export * from "./pool.ts";
export * from "./adaptive_pool.ts";
export type { Padding, PerAxis, ResolvedPadding } from "./spatial.ts";
export * from "./shape.ts";
export * from "./batch_norm.ts";
export * from "./norm.ts";
export * from "./dropout.ts";
export * from "./embedding.ts";
export * from "./rnn_cell.ts";
export * from "./gates.ts";
export * from "./rnn_cells.ts";
export * from "./rnn.ts";
export * from "./attention.ts";
export * from "./transformer.ts";
export * from "./lora.ts";

export * from "./activations.ts";
export * from "./elementwise.ts";
export * from "./prelu.ts";
export * from "./rrelu.ts";
export * from "./losses/mod.ts";
export * from "./metrics/mod.ts";

export * from "./freeze.ts";
export * from "./inspect.ts";
export * from "./safe_norm.ts";
export * from "./sequence.ts";
export * from "./state_dict.ts";
