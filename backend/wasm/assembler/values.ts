/**
 * The values that WebAssembly code computes with, as typed expressions.
 *
 * @module
 */

import { type Code, Constant, floatBits, s32, simd, u32 } from "./code.ts";

/** An expression that leaves one value on the stack. */
export abstract class Value {
  /** Its instructions. */
  readonly code: Code;
  /** The number of the local variable or parameter that it reads, if it is one. */
  readonly index: number | undefined;

  /** An expression of these instructions. */
  constructor(code: Code, index?: number) {
    this.code = code;
    this.index = index;
  }
}

/** A class of values: what local variables and parameters are declared with. */
export interface Kind<T extends Value> {
  /** The value of these instructions. */
  new (code: Code, index?: number): T;
  /** The byte that names the type. */
  readonly type: number;
  /** The instruction that loads one from memory. */
  readonly loads: Code;
  /** The instruction that stores one. */
  readonly stores: Code;
}

/** A 32-bit integer: an address, a count, a condition. */
export class I32 extends Value {
  /** The byte that names the type. */
  static readonly type = 0x7f;
  /** `i32.load` */
  static readonly loads: Code = [0x28];
  /** `i32.store` */
  static readonly stores: Code = [0x36];
  /** The constant `n`. */
  static of(n: number | I32): I32 {
    return typeof n === "number" ? new I32([0x41, s32(n | 0)]) : n;
  }
  #with(x: number | I32, op: number): I32 {
    return new I32([this.code, I32.of(x).code, op]);
  }
  /** `this + x` */
  add(x: number | I32): I32 {
    return x === 0 ? this : this.#with(x, 0x6a);
  }
  /** `this - x` */
  sub(x: number | I32): I32 {
    return this.#with(x, 0x6b);
  }
  /** `this * x` */
  mul(x: number | I32): I32 {
    return this.#with(x, 0x6c);
  }
  /** The whole part of `this / x`, unsigned; traps for `x` = 0. */
  div(x: number | I32): I32 {
    return this.#with(x, 0x6e);
  }
  /** The remainder of `div`. */
  rem(x: number | I32): I32 {
    return this.#with(x, 0x70);
  }
  /** The bits that both have. */
  and(x: number | I32): I32 {
    return this.#with(x, 0x71);
  }
  /** The bits that either has. */
  or(x: number | I32): I32 {
    return this.#with(x, 0x72);
  }
  /** The bits that one of the two has. */
  xor(x: number | I32): I32 {
    return this.#with(x, 0x73);
  }
  /** `this << x` */
  shl(x: number | I32): I32 {
    return this.#with(x, 0x74);
  }
  /** `this >>> x` */
  shr(x: number | I32): I32 {
    return this.#with(x, 0x76);
  }
  /** 1 if `this` is `x`, else 0. */
  eq(x: number | I32): I32 {
    return this.#with(x, 0x46);
  }
  /** 1 if `this` is not `x`, else 0. */
  ne(x: number | I32): I32 {
    return this.#with(x, 0x47);
  }
  /** 1 if `this < x`, unsigned, else 0. */
  lt(x: number | I32): I32 {
    return this.#with(x, 0x49);
  }
  /** 1 if `this >= x`, unsigned, else 0. */
  ge(x: number | I32): I32 {
    return this.#with(x, 0x4f);
  }
  /** 1 if `this < x`, signed, else 0. */
  ltSigned(x: number | I32): I32 {
    return this.#with(x, 0x48);
  }
  /** 1 if `this > x`, signed, else 0. */
  gtSigned(x: number | I32): I32 {
    return this.#with(x, 0x4a);
  }
  /** 1 for 0, else 0. */
  not(): I32 {
    return new I32([this.code, 0x45]);
  }
  /** The smaller of `this` and `x`, unsigned; both are computed twice. */
  min(x: number | I32): I32 {
    return this.lt(x).select(this, I32.of(x));
  }
  /** `yes` if this is not 0, else `no`; both are computed. */
  select<T extends Value>(yes: T, no: T): T {
    return new (yes.constructor as Kind<T>)([
      yes.code,
      no.code,
      this.code,
      0x1b,
    ]);
  }
  /** The nearest 32-bit float, from signed. */
  toF32(): F32 {
    return new F32([this.code, 0xb2]);
  }
  /** The same number as a 64-bit float, from signed. */
  toF64(): F64 {
    return new F64([this.code, 0xb7]);
  }
  /** The float of these bits. */
  floats(): F32 {
    return new F32([this.code, 0xbe]);
  }
  /** Four of it. */
  splat(): I32x4 {
    return new I32x4([this.code, simd(0x11)]);
  }
}

/** A 32-bit float. */
export class F32 extends Value {
  /** The byte that names the type. */
  static readonly type = 0x7d;
  /** `f32.load` */
  static readonly loads: Code = [0x2a];
  /** `f32.store` */
  static readonly stores: Code = [0x38];
  /** The constant `x`. */
  static of(x: number | F32): F32 {
    if (typeof x !== "number") return x;
    return new F32([0x43, ...new Uint8Array(new Float32Array([x]).buffer)]);
  }
  #with(x: number | F32, op: number): F32 {
    return new F32([this.code, F32.of(x).code, op]);
  }
  #compare(x: number | F32, op: number): I32 {
    return new I32([this.code, F32.of(x).code, op]);
  }
  /** `this + x` */
  add(x: number | F32): F32 {
    return this.#with(x, 0x92);
  }
  /** `this - x` */
  sub(x: number | F32): F32 {
    return this.#with(x, 0x93);
  }
  /** `this * x` */
  mul(x: number | F32): F32 {
    return this.#with(x, 0x94);
  }
  /** `this / x` */
  div(x: number | F32): F32 {
    return this.#with(x, 0x95);
  }
  /** The smaller; NaN if either is. */
  min(x: number | F32): F32 {
    return this.#with(x, 0x96);
  }
  /** The larger; NaN if either is. */
  max(x: number | F32): F32 {
    return this.#with(x, 0x97);
  }
  /** The square root. */
  sqrt(): F32 {
    return new F32([this.code, 0x91]);
  }
  /** The absolute value. */
  abs(): F32 {
    return new F32([this.code, 0x8b]);
  }
  /** 1 if equal, else 0. */
  eq(x: number | F32): I32 {
    return this.#compare(x, 0x5b);
  }
  /** 1 if `this < x`, else 0. */
  lt(x: number | F32): I32 {
    return this.#compare(x, 0x5d);
  }
  /** 1 if `this > x`, else 0. */
  gt(x: number | F32): I32 {
    return this.#compare(x, 0x5e);
  }
  /** The same number as a 64-bit float. */
  toF64(): F64 {
    return new F64([this.code, 0xbb]);
  }
  /** Four of it. */
  splat(): F32x4 {
    return new F32x4([this.code, simd(0x13)]);
  }
}

/** A 64-bit float. */
export class F64 extends Value {
  /** The byte that names the type. */
  static readonly type = 0x7c;
  /** `f64.load` */
  static readonly loads: Code = [0x2b];
  /** `f64.store` */
  static readonly stores: Code = [0x39];
  /** The constant `x`. */
  static of(x: number | F64): F64 {
    if (typeof x !== "number") return x;
    return new F64([0x44, ...new Uint8Array(new Float64Array([x]).buffer)]);
  }
  #with(x: number | F64, op: number): F64 {
    return new F64([this.code, F64.of(x).code, op]);
  }
  /** `this + x` */
  add(x: number | F64): F64 {
    return this.#with(x, 0xa0);
  }
  /** `this - x` */
  sub(x: number | F64): F64 {
    return this.#with(x, 0xa1);
  }
  /** `this * x` */
  mul(x: number | F64): F64 {
    return this.#with(x, 0xa2);
  }
  /** `this / x` */
  div(x: number | F64): F64 {
    return this.#with(x, 0xa3);
  }
  /** The square root. */
  sqrt(): F64 {
    return new F64([this.code, 0x9f]);
  }
  /** 1 if equal, else 0. */
  eq(x: number | F64): I32 {
    return new I32([this.code, F64.of(x).code, 0x61]);
  }
  /** The nearest 32-bit float. */
  toF32(): F32 {
    return new F32([this.code, 0xb6]);
  }
  /** Two of it. */
  splat(): F64x2 {
    return new F64x2([this.code, simd(0x14)]);
  }
}

const V128 = { type: 0x7b, loads: simd(0x00), stores: simd(0x0b) };

/** Four 32-bit floats. */
export class F32x4 extends Value {
  /** The byte that names the type. */
  static readonly type: number = V128.type;
  /** `v128.load` */
  static readonly loads: Code = V128.loads;
  /** `v128.store` */
  static readonly stores: Code = V128.stores;
  /** Four times the constant `x`. */
  static of(x: number | F32x4): F32x4 {
    if (typeof x !== "number") return x;
    return new F32x4([Constant.of(floatBits(x))]);
  }
  #with(x: number | F32x4, op: number): F32x4 {
    return new F32x4([this.code, F32x4.of(x).code, simd(op)]);
  }
  #compare(x: number | F32x4, op: number): I32x4 {
    return new I32x4([this.code, F32x4.of(x).code, simd(op)]);
  }
  #of(op: number): F32x4 {
    return new F32x4([this.code, simd(op)]);
  }
  /** `this + x` */
  add(x: number | F32x4): F32x4 {
    return this.#with(x, 0xe4);
  }
  /** `this - x` */
  sub(x: number | F32x4): F32x4 {
    return this.#with(x, 0xe5);
  }
  /** `this * x` */
  mul(x: number | F32x4): F32x4 {
    return this.#with(x, 0xe6);
  }
  /** `this / x` */
  div(x: number | F32x4): F32x4 {
    return this.#with(x, 0xe7);
  }
  /** The smaller; NaN if either is. */
  min(x: number | F32x4): F32x4 {
    return this.#with(x, 0xe8);
  }
  /** The larger; NaN if either is. */
  max(x: number | F32x4): F32x4 {
    return this.#with(x, 0xe9);
  }
  /** `x < this ? x : this`: one instruction; `this` where either is NaN. */
  pmin(x: number | F32x4): F32x4 {
    return this.#with(x, 0xea);
  }
  /** `this < x ? x : this`: one instruction; `this` where either is NaN. */
  pmax(x: number | F32x4): F32x4 {
    return this.#with(x, 0xeb);
  }
  /** The square root. */
  sqrt(): F32x4 {
    return this.#of(0xe3);
  }
  /** The absolute value. */
  abs(): F32x4 {
    return this.#of(0xe0);
  }
  /** `-this` */
  neg(): F32x4 {
    return this.#of(0xe1);
  }
  /** Rounded down. */
  floor(): F32x4 {
    return this.#of(0x68);
  }
  /** Rounded up. */
  ceil(): F32x4 {
    return this.#of(0x67);
  }
  /** Rounded toward 0. */
  trunc(): F32x4 {
    return this.#of(0x69);
  }
  /** Rounded to the nearest integer, halves to the even one. */
  nearest(): F32x4 {
    return this.#of(0x6a);
  }
  /** All bits set where equal. */
  eq(x: number | F32x4): I32x4 {
    return this.#compare(x, 0x41);
  }
  /** All bits set where different, or NaN. */
  ne(x: number | F32x4): I32x4 {
    return this.#compare(x, 0x42);
  }
  /** All bits set where `this < x`. */
  lt(x: number | F32x4): I32x4 {
    return this.#compare(x, 0x43);
  }
  /** All bits set where `this > x`. */
  gt(x: number | F32x4): I32x4 {
    return this.#compare(x, 0x44);
  }
  /** All bits set where `this <= x`. */
  le(x: number | F32x4): I32x4 {
    return this.#compare(x, 0x45);
  }
  /** All bits set where `this >= x`. */
  ge(x: number | F32x4): I32x4 {
    return this.#compare(x, 0x46);
  }
  /** The float in lane 0, 1, 2 or 3. */
  lane(i: number): F32 {
    return new F32([this.code, simd(0x1f), i]);
  }
  /** Lanes of `this` (0 to 3) and of `x` (4 to 7), in that order. */
  shuffle(x: F32x4, lanes: readonly [number, number, number, number]): F32x4 {
    const bytes = lanes.flatMap((lane) =>
      [0, 1, 2, 3].map((i) => 4 * lane + i)
    );
    return new F32x4([this.code, x.code, simd(0x0d), bytes]);
  }
  /** The same bits. */
  bits(): I32x4 {
    return new I32x4(this.code);
  }
  /** Rounded toward 0; out of range is the nearest integer, NaN is 0. */
  toI32(): I32x4 {
    return this.#of(0xf8).bits();
  }
  /** Lanes 0 and 1 as 64-bit floats. */
  toF64(): F64x2 {
    return new F64x2([this.code, simd(0x5f)]);
  }
}

/** Four 32-bit integers, or the mask that a comparison makes. */
export class I32x4 extends Value {
  /** The byte that names the type. */
  static readonly type: number = V128.type;
  /** `v128.load` */
  static readonly loads: Code = V128.loads;
  /** `v128.store` */
  static readonly stores: Code = V128.stores;
  /** Four times the constant `n`. */
  static of(n: number | I32x4): I32x4 {
    if (typeof n !== "number") return n;
    return new I32x4([Constant.of(n | 0)]);
  }
  #with(x: number | I32x4, op: number): I32x4 {
    return new I32x4([this.code, I32x4.of(x).code, simd(op)]);
  }
  #shift(by: number, op: number): I32x4 {
    return new I32x4([this.code, I32.of(by).code, simd(op)]);
  }
  /** `this + x` */
  add(x: number | I32x4): I32x4 {
    return this.#with(x, 0xae);
  }
  /** `this - x` */
  sub(x: number | I32x4): I32x4 {
    return this.#with(x, 0xb1);
  }
  /** `this * x` */
  mul(x: number | I32x4): I32x4 {
    return this.#with(x, 0xb5);
  }
  /** The smaller, signed. */
  min(x: number | I32x4): I32x4 {
    return this.#with(x, 0xb6);
  }
  /** The larger, signed. */
  max(x: number | I32x4): I32x4 {
    return this.#with(x, 0xb8);
  }
  /** The bits that both have. */
  and(x: number | I32x4): I32x4 {
    return this.#with(x, 0x4e);
  }
  /** The bits that `x` has not. */
  andNot(x: number | I32x4): I32x4 {
    return this.#with(x, 0x4f);
  }
  /** The bits that either has. */
  or(x: number | I32x4): I32x4 {
    return this.#with(x, 0x50);
  }
  /** The bits that one of the two has. */
  xor(x: number | I32x4): I32x4 {
    return this.#with(x, 0x51);
  }
  /** The other bits. */
  not(): I32x4 {
    return new I32x4([this.code, simd(0x4d)]);
  }
  /** `this << by` */
  shl(by: number): I32x4 {
    return this.#shift(by, 0xab);
  }
  /** `this >> by`, keeping the sign. */
  shrSigned(by: number): I32x4 {
    return this.#shift(by, 0xac);
  }
  /** `this >>> by` */
  shr(by: number): I32x4 {
    return this.#shift(by, 0xad);
  }
  /** All bits set where equal. */
  eq(x: number | I32x4): I32x4 {
    return this.#with(x, 0x37);
  }
  /** All bits set where different. */
  ne(x: number | I32x4): I32x4 {
    return this.#with(x, 0x38);
  }
  /** All bits set where `this < x`, signed. */
  lt(x: number | I32x4): I32x4 {
    return this.#with(x, 0x39);
  }
  /** All bits set where `this > x`, signed. */
  gt(x: number | I32x4): I32x4 {
    return this.#with(x, 0x3b);
  }
  /** The bits of `yes` where this has them set, and of `no` elsewhere. */
  select<T extends F32x4 | I32x4>(yes: T, no: T): T {
    return new (yes.constructor as Kind<T>)([
      yes.code,
      no.code,
      this.code,
      simd(0x52),
    ]);
  }
  /** 1 if any bit is set, else 0. */
  any(): I32 {
    return new I32([this.code, simd(0x53)]);
  }
  /** The integer in lane 0, 1, 2 or 3. */
  lane(i: number): I32 {
    return new I32([this.code, simd(0x1b), i]);
  }
  /** The same bits. */
  floats(): F32x4 {
    return new F32x4(this.code);
  }
  /** The nearest floats, from signed. */
  toF32(): F32x4 {
    return new F32x4([this.code, simd(0xfa)]);
  }
}

/** Two 64-bit floats. */
export class F64x2 extends Value {
  /** The byte that names the type. */
  static readonly type: number = V128.type;
  /** `v128.load` */
  static readonly loads: Code = V128.loads;
  /** `v128.store` */
  static readonly stores: Code = V128.stores;
  #with(x: F64x2, op: number): F64x2 {
    return new F64x2([this.code, x.code, simd(op)]);
  }
  /** `this + x` */
  add(x: F64x2): F64x2 {
    return this.#with(x, 0xf0);
  }
  /** `this - x` */
  sub(x: F64x2): F64x2 {
    return this.#with(x, 0xf1);
  }
  /** `this * x` */
  mul(x: F64x2): F64x2 {
    return this.#with(x, 0xf2);
  }
  /** The float in lane 0 or 1. */
  lane(i: number): F64 {
    return new F64([this.code, simd(0x21), i]);
  }
  /** Lanes 0 and 1 as 32-bit floats, then two zeros. */
  toF32(): F32x4 {
    return new F32x4([this.code, simd(0x5e)]);
  }
}

/** Alignment promised to the engine (4 bytes), then the offset. */
export function place(offset: number): Code {
  return [2, ...u32(offset)];
}

/** What is in memory at `address + offset`, which needs no more than 4-byte alignment. */
export function load<T extends Value>(
  kind: Kind<T>,
  address: I32,
  offset = 0,
): T {
  return new kind([address.code, kind.loads, place(offset)]);
}

/** The byte at `address + offset`, from 0 to 255. */
export function loadByte(address: I32, offset = 0): I32 {
  return new I32([address.code, 0x2d, 0, u32(offset)]);
}

/** Four times the float at `address + offset`, in one instruction. */
export function loadSplat(address: I32, offset = 0): F32x4 {
  return new F32x4([address.code, simd(0x09), place(offset)]);
}

/** Four bytes at `address`, each an integer from 0 to 255. */
export function loadBytes(address: I32): I32x4 {
  const word = new F32x4([address.code, simd(0x5c), 0, 0]); // v128.load32_zero
  return new I32x4([word.code, simd(0x89), simd(0xa9)]); // 8 to 16 to 32 bits
}
