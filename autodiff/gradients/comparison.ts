import { type Gradients, zeroGradient } from "./rule.ts";

/**
 * Comparisons and logic are flat almost everywhere: their gradient is zero, so
 * that `tf.where(tf.greater(x, 0), a, b)` trains.
 */
export const comparison: Gradients = {
  Equal: zeroGradient("a", "b"),
  NotEqual: zeroGradient("a", "b"),
  Greater: zeroGradient("a", "b"),
  GreaterEqual: zeroGradient("a", "b"),
  Less: zeroGradient("a", "b"),
  LessEqual: zeroGradient("a", "b"),
  LogicalAnd: zeroGradient("a", "b"),
  LogicalOr: zeroGradient("a", "b"),
  LogicalXor: zeroGradient("a", "b"),
  LogicalNot: zeroGradient("x"),
  BitwiseAnd: zeroGradient("a", "b"),
  IsFinite: zeroGradient("x"),
  IsInf: zeroGradient("x"),
  IsNan: zeroGradient("x"),
  All: zeroGradient("x"),
  Any: zeroGradient("x"),
};
