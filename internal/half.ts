/**
 * Conversion of 16-bit floating-point numbers to float32, which is exact.
 *
 * @module
 */

/**
 * IEEE half precision (float16) to float32.
 *
 * @param halves The bits of each number.
 * @returns The numbers.
 */
export function fromFloat16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = widen(halves[i]!);
  return new Float32Array(bits.buffer);
}

const subnormal = new Float32Array(1);
const subnormalBits = new Uint32Array(subnormal.buffer);

function widen(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = half >> 10 & 31;
  const fraction = half & 0x3ff;
  if (exponent === 31) return sign | 0x7f800000 | fraction << 13;
  if (exponent > 0) return sign | (exponent + 112) << 23 | fraction << 13;
  subnormal[0] = fraction * 2 ** -24;
  return sign | subnormalBits[0]!;
}

/**
 * Brain float (bfloat16, the upper half of a float32) to float32.
 *
 * @param halves The bits of each number.
 * @returns The numbers.
 */
export function fromBfloat16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
}
