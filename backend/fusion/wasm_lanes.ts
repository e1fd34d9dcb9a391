/**
 * The operations of kernels as WebAssembly instructions.
 *
 * @module
 */
import {
  type Body,
  type Code,
  F32,
  F32x4,
  F64,
  I32,
  type Kind,
  simd,
  type Value,
} from "../wasm/assembler/assembler.ts";
import type { Op } from "./expr.ts";

/** What one instruction does: to one float, to four, and to one double. */
const OPCODES = {
  add: [0x92, simd(0xe4), 0xa0],
  sub: [0x93, simd(0xe5), 0xa1],
  mul: [0x94, simd(0xe6), 0xa2],
  div: [0x95, simd(0xe7), 0xa3],
  min: [0x96, simd(0xe8), 0xa4],
  max: [0x97, simd(0xe9), 0xa5],
  neg: [0x8c, simd(0xe1), 0x9a],
  abs: [0x8b, simd(0xe0), 0x99],
  sqrt: [0x91, simd(0xe3), 0x9f],
} satisfies Record<Exclude<Op, "sign" | "select">, Code>;

/** A way to compute: one float, four floats or one double at a time. */
export interface Lane<T extends Value> {
  readonly kind: Kind<T>;
  readonly column: 0 | 1 | 2;
  readonly of: (x: number) => T;
  /** `yes` where `x > 0`, else `no`. */
  readonly select: (x: T, yes: T, no: T) => T;
  /** `x y + sum` in one instruction, where there is one. */
  readonly madd?: (f: Body, x: T, y: T, sum: T) => T;
}

/** A way to compute floats. */
export interface FloatLane<T extends Value> extends Lane<T> {
  /** `x`, or 0 if it is nearer to 0 than `SMALLEST_NORMAL`. */
  readonly flush: (x: T) => T;
}

/** The smallest float of full precision. */
const SMALLEST_NORMAL = 2 ** -126;

/** One float at a time. */
export const FLOAT: FloatLane<F32> = {
  kind: F32,
  column: 0,
  of: F32.of,
  select: (x, yes, no) => x.gt(0).select(yes, no),
  flush: (x) => x.abs().lt(SMALLEST_NORMAL).select(F32.of(0), x),
};
/** Four floats at a time. */
export const FLOATS: FloatLane<F32x4> = {
  kind: F32x4,
  column: 1,
  of: F32x4.of,
  select: (x, yes, no) => x.gt(0).select(yes, no),
  flush: (x) => x.bits().andNot(x.abs().lt(SMALLEST_NORMAL)).floats(),
  madd: (f, x, y, sum) => f.madd(x, y, sum),
};
/** One double at a time. */
export const DOUBLE: Lane<F64> = {
  kind: F64,
  column: 2,
  of: F64.of,
  select: (x, yes, no) =>
    new I32([x.code, F64.of(0).code, 0x64]).select(yes, no),
};

/** The value of an operation. */
export function compute<T extends Value>(
  lane: Lane<T>,
  op: Op,
  args: readonly T[],
): T {
  const [x, yes, no] = args as [T, T, T];
  if (op === "select") return lane.select(x, yes, no);
  if (op === "sign") {
    const negative = lane.select(compute(lane, "neg", [x]), lane.of(-1), x);
    return lane.select(x, lane.of(1), negative);
  }
  return new lane.kind([args.map((a) => a.code), OPCODES[op][lane.column]!]);
}
