/**
 * Philox 4x32-10: random words as a function of a key and a counter.
 *
 * A counter-based generator has no state to advance: word `i` is computed from
 * `i` alone. A checkpoint holds three numbers, streams under different keys are
 * independent, and the numbers are those of any other implementation.
 *
 * Source: Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as
 * 1, 2, 3", SC 2011 (the generator of cuRAND, JAX on TPU and TensorFlow).
 *
 * @module
 */

import { compilePhilox, type PhiloxKernel } from "./philox_simd.ts";

/** Ten rounds pass every test of TestU01's BigCrush; seven would do. */
const ROUNDS = 10;
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
/** Weyl increments of the key: the golden ratio, and the square root of 3 minus 1. */
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/** The upper 32 bits of `a * b`, for a `b` given as two halves of 16 bits. */
function multiplyHigh(a: number, bHigh: number, bLow: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const low = Math.imul(aLow, bLow) >>> 16;
  const middle = (Math.imul(aHigh, bLow) + low) >>> 0;
  const carry = (Math.imul(aLow, bHigh) + (middle & 0xffff)) >>> 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) | 0;
}

/** A key, and the first block. */
interface Place {
  readonly key: readonly [number, number];
  readonly offset: number;
}

/** The definition, and the fallback where there is no SIMD. */
export function philoxScalar(
  { key, offset }: Place,
  purpose: number,
  length: number,
): Uint32Array<ArrayBuffer> {
  const blocks = Math.ceil(length / 4);
  const words = new Uint32Array(4 * blocks);
  for (let block = 0; block < blocks; block++) {
    const counter = offset + block;
    let c0 = counter | 0;
    let c1 = (counter / 0x100000000) | 0;
    let c2 = 0;
    let c3 = purpose;
    let k0 = key[0] | 0;
    let k1 = key[1] | 0;
    for (let round = 0; round < ROUNDS; round++) {
      const high0 = multiplyHigh(
        c0,
        MULTIPLIER_0 >>> 16,
        MULTIPLIER_0 & 0xffff,
      );
      const high1 = multiplyHigh(
        c2,
        MULTIPLIER_1 >>> 16,
        MULTIPLIER_1 & 0xffff,
      );
      const low0 = Math.imul(c0, MULTIPLIER_0);
      const low1 = Math.imul(c2, MULTIPLIER_1);
      c0 = high1 ^ c1 ^ k0;
      c1 = low1;
      c2 = high0 ^ c3 ^ k1;
      c3 = low0;
      k0 = (k0 + WEYL_0) | 0;
      k1 = (k1 + WEYL_1) | 0;
    }
    const i = 4 * block;
    words[i] = c0;
    words[i + 1] = c1;
    words[i + 2] = c2;
    words[i + 3] = c3;
  }
  return words.subarray(0, length);
}

/** How many words the kernel makes at a time: 256 KiB, which a cache holds. */
const CHUNK = 65536;

/** Below this many words, starting the kernel costs more than it saves. */
const FEW = 64;

/** The kernel and its memory; nothing where there is no SIMD. */
interface Simd {
  readonly kernel: PhiloxKernel;
  readonly words: Uint32Array<ArrayBuffer>;
}

let simd: Simd | null | undefined;

function start(): Simd | null {
  try {
    const pages = 4 * CHUNK / 65536;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const kernel = compilePhilox(memory, {
      rounds: ROUNDS,
      multipliers: [MULTIPLIER_0, MULTIPLIER_1],
      weyl: [WEYL_0, WEYL_1],
    });
    return { kernel, words: new Uint32Array(memory.buffer as ArrayBuffer) };
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) return null;
    throw error;
  }
}

/**
 * The words of consecutive counters.
 *
 * Block `b` of four words is the cipher of the counter
 * `[offset + b (low), offset + b (high), 0, purpose]` under `key`.
 *
 * @param place The key, and the first block.
 * @param purpose Separates uses of one key: the counter's last word.
 * @param length How many words.
 * @returns `length` unsigned 32-bit integers.
 */
export function philox(
  place: Place,
  purpose: number,
  length: number,
): Uint32Array<ArrayBuffer> {
  if (length < FEW) return philoxScalar(place, purpose, length);
  simd ??= start();
  if (simd === null) return philoxScalar(place, purpose, length);
  const words = new Uint32Array(length);
  for (let begin = 0; begin < length; begin += CHUNK) {
    const count = Math.min(CHUNK, length - begin);
    const counter = place.offset + begin / 4;
    simd.kernel(
      Math.ceil(count / 16),
      place.key[0],
      place.key[1],
      counter | 0,
      (counter / 0x100000000) | 0,
      purpose,
    );
    words.set(simd.words.subarray(0, count), begin);
  }
  return words;
}
