/**
 * Modules, and tools for them.
 *
 * @module
 */
export {
  all,
  any,
  type Filter,
  not,
  type StateClass,
  type StateGuard,
  type StatePredicate,
} from "./filter.ts";
export * from "./freeze.ts";
export * from "./inspect.ts";
export * from "./module.ts";
export * from "./param.ts";
export * from "./predictor.ts";
export type { SameRank } from "./same_rank.ts";
export * from "./sequence.ts";
export * from "./sequential.ts";
export { checkInput, type Size, type Sized } from "./size.ts";
export * from "./state_dict.ts";
