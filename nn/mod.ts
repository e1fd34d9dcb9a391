/**
 * Layers, activations, initializers, losses, metrics, and tools for modules.
 *
 * @module
 */
export * as init from "./init/mod.ts";
export type { Initializer } from "./init/mod.ts";

export * from "./module/mod.ts";
export * from "./layers/mod.ts";
export * from "./spiking/mod.ts";
export * as surrogate from "./spiking/surrogate.ts";
export * from "./activations/mod.ts";
export * from "./losses/mod.ts";
export * from "./metrics/mod.ts";
