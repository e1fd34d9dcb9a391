/**
 * The minimum of a function.
 *
 * @module
 */
export { minimize } from "./minimize.ts";
export type {
  GradientMethod,
  MinimizeFunction,
  MinimizeMethod,
  MinimizeOptions,
  MinimizeProgress,
  Minimum,
  ValueMethod,
} from "./options.ts";
export type { TensorsOf, Variables } from "./variables.ts";
