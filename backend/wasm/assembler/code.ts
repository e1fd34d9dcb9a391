/**
 * Instructions as bytes.
 *
 * @module
 */
/** Bytes of instructions, nested as they were put together. */
export type Code = readonly (number | Constant | Code)[];

/** Four times one word, which code loads: in a loop, from a local variable. */
export class Constant {
  /** `v128.const` and the bytes. */
  readonly bytes: readonly number[];

  private constructor(word: number) {
    const bytes = new Uint8Array(new Int32Array(4).fill(word).buffer);
    this.bytes = [...simd(0x0c), ...bytes];
  }

  static readonly #known = new Map<number, Constant>();

  /** The constant of this word: the same object each time. */
  static of(word: number): Constant {
    const known = this.#known.get(word) ?? new Constant(word);
    this.#known.set(word, known);
    return known;
  }
}

/** The bits of a float, as an integer. */
export function floatBits(x: number): number {
  FLOAT[0] = x;
  return BITS[0]!;
}

const FLOAT = new Float32Array(1), BITS = new Int32Array(FLOAT.buffer);

/** An unsigned number as bytes of seven bits, the lowest first. */
export function u32(n: number): number[] {
  const bytes: number[] = [];
  for (; n >= 0x80; n >>>= 7) bytes.push(n & 0x7f | 0x80);
  return [...bytes, n];
}

/** The same for a signed number. */
export function s32(n: number): number[] {
  const bytes: number[] = [];
  for (;; n >>= 7) {
    const low = n & 0x7f;
    if (n >> 6 === 0 || n >> 6 === -1) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

/** A SIMD instruction. */
export function simd(op: number): number[] {
  return [0xfd, ...u32(op)];
}

/** Where functions keep the constants of their loops: the code that reads each. */
export type Hoisted = ReadonlyMap<Constant, { readonly code: Code }>;
