/**
 * Activations: functions, and the same as modules.
 *
 * @module
 */
export type { GeluOptions, HardtanhOptions } from "./arguments.ts";
export * from "./piecewise.ts";
export * from "./smooth.ts";
export * from "./along_axis.ts";
export { Elementwise } from "./elementwise.ts";
export type { Activation, ActivationName } from "./named.ts";
export * from "./modules.ts";
export * from "./prelu.ts";
export * from "./rrelu.ts";
