/**
 * What kernels of two elements compute.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { F32x4, I32x4 } from "../assembler/assembler.ts";

/** A kernel: for floats, if there is code for it, and for one pair of numbers. */
export interface Binary {
  readonly floats?: (a: F32x4, b: F32x4) => F32x4 | I32x4;
  /** The same for bools, as integers that are not 0 where the result is true. */
  readonly bools?: (a: I32x4, b: I32x4) => I32x4;
  readonly number: (a: number, b: number) => number;
  /** The result's type, if it is not that of the operands. */
  readonly dtype?: tf.DataType;
  /** What operands may be. Default: float32, int32 and, as 0 and 1, bool. */
  readonly accepts?: readonly tf.DataType[];
  /** tfjs' names of the operands. Default: a and b. */
  readonly inputs?: readonly [string, string];
}

const NUMBERS = ["float32", "int32"] as const;
/** The types that operands have by default. */
export const ANY = [...NUMBERS, "bool"] as const;

/** A comparison: a mask for floats, 1 or 0 for numbers. */
function comparison(
  floats: (a: F32x4, b: F32x4) => I32x4,
  number: (a: number, b: number) => boolean,
): Binary {
  return {
    floats,
    number: (a, b) => number(a, b) ? 1 : 0,
    dtype: "bool",
  };
}

function logical(
  bools: (a: I32x4, b: I32x4) => I32x4,
  number: (a: number, b: number) => number,
): Binary {
  return { bools, number, dtype: "bool", accepts: ["bool"] };
}

/** The remainder with the sign of the divisor. */
function mod(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

/** Kernels by tfjs' names. */
export const KERNELS: Readonly<Record<string, Binary>> = {
  Add: { floats: (a, b) => a.add(b), number: (a, b) => a + b },
  Sub: { floats: (a, b) => a.sub(b), number: (a, b) => a - b },
  Multiply: { floats: (a, b) => a.mul(b), number: Math.imul },
  RealDiv: {
    floats: (a, b) => a.div(b),
    number: (a, b) => a / b,
    accepts: NUMBERS,
  },
  Maximum: { floats: (a, b) => a.max(b), number: Math.max },
  Minimum: { floats: (a, b) => a.min(b), number: Math.min },
  SquaredDifference: {
    floats: (a, b) => a.sub(b).mul(a.sub(b)),
    number: (a, b) => Math.imul(a - b, a - b),
  },
  Prelu: {
    floats: (a, b) => a.lt(0).select(a.mul(b), a),
    number: (a, b) => a < 0 ? a * b : a,
    accepts: NUMBERS,
    inputs: ["x", "alpha"],
  },
  EluGrad: {
    // Of the gradient and the output: e^x - 1 is y, so e^x is y + 1.
    floats: (a, b) => b.lt(0).select(a.mul(b.add(1)), a),
    number: (a, b) => b < 0 ? a * (b + 1) : a,
    accepts: NUMBERS,
    inputs: ["dy", "y"],
  },
  FloorDiv: {
    number: (a, b) => Math.floor(a / b),
    dtype: "int32",
    accepts: NUMBERS,
  },
  Mod: { number: mod, accepts: NUMBERS },
  Pow: { number: Math.pow, accepts: NUMBERS },
  Equal: comparison((a, b) => a.eq(b), (a, b) => a === b),
  NotEqual: comparison((a, b) => a.ne(b), (a, b) => a !== b),
  Greater: comparison((a, b) => a.gt(b), (a, b) => a > b),
  GreaterEqual: comparison((a, b) => a.ge(b), (a, b) => a >= b),
  Less: comparison((a, b) => a.lt(b), (a, b) => a < b),
  LessEqual: comparison((a, b) => a.le(b), (a, b) => a <= b),
  LogicalAnd: logical((a, b) => a.and(b), (a, b) => a & b),
  LogicalOr: logical((a, b) => a.or(b), (a, b) => a | b),
  LogicalXor: logical((a, b) => a.xor(b), (a, b) => a ^ b),
};
