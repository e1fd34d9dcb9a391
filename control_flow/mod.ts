/**
 * Loops and branches of tensors, with states inside.
 *
 * @module
 */
export { cond, switchCase } from "./cond.ts";
export type {
  AnyRank,
  ItemOf,
  RankAbove,
  RankBelow,
  StackedOf,
  TensorNest,
} from "./nest.ts";
export type { LoopOptions } from "./options.ts";
export type { Predicate } from "./predicate.ts";
export { forLoop, scan, type ScanOptions } from "./scan.ts";
export { whileLoop, type WhileLoopOptions } from "./while_loop.ts";
