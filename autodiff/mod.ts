/**
 * Automatic differentiation of functions of states and tensors.
 *
 * @module
 */
import { registerGradients } from "./gradients/mod.ts";

registerGradients();

export * from "./grad.ts";
export type { GradsOf, StateNest } from "./nest.ts";
