/**
 * Elementary functions of four floats at a time, within about two units in the
 * last place.
 *
 * Polynomials are those of Moshier's Cephes library (single precision); `erf` is
 * Norbert Juffa's. Infinities, zeros and NaN come out as IEEE 754 has them.
 *
 * @module
 */
import { type Body, F32x4, I32x4 } from "./assembler.ts";

/** `c[0] x^(n-1) + ... + c[n-1]` */
function polynomial(f: Body, x: F32x4, coefficients: readonly number[]): F32x4 {
  const [first, ...rest] = coefficients as [number, ...number[]];
  return rest.reduce<F32x4>(
    (sum, c) => f.madd(sum, x, F32x4.of(c)),
    F32x4.of(first),
  );
}

/** `2^n` for integers from -126 to 127. */
function powerOfTwo(n: I32x4): F32x4 {
  return n.add(127).shl(23).floats();
}

/** Added to a float below 2^22 it rounds it, and the integer is in the last bits. */
const ROUND = 1.5 * 2 ** 23, ROUND_BITS = 0x4b400000;

/** `e^x` as `(1 + fraction) 2^exponent`, for `x` in [-104, 89]. */
function reduceExp(f: Body, x: F32x4): { fraction: F32x4; exponent: I32x4 } {
  const rounded = f.let(f.madd(x, F32x4.of(Math.LOG2E), F32x4.of(ROUND)));
  const n = f.let(rounded.sub(ROUND));
  const r = f.let(
    f.madd(n, F32x4.of(2.12194440e-4), f.madd(n, F32x4.of(-0.693359375), x)),
  );
  const p = polynomial(f, r, [
    1.9875691500e-4,
    1.3981999507e-3,
    8.3334519073e-3,
    4.1665795894e-2,
    1.6666665459e-1,
    5.0000001201e-1,
  ]);
  const fraction = f.let(f.madd(p, f.let(r.mul(r)), r));
  return { fraction, exponent: f.let(rounded.bits().sub(ROUND_BITS)) };
}

/** The same for any `x`; in two steps, since 2^128 and 2^-150 are no normal floats. */
function splitExp(f: Body, x: F32x4) {
  // Past these it is infinite, or 0 even as a subnormal. NaN passes.
  const bounded = f.let(x.pmin(89).pmax(-104));
  const { fraction, exponent } = reduceExp(f, bounded);
  const p = f.let(exponent.shrSigned(1));
  return { fraction, p, q: f.let(exponent.sub(p)) };
}

/** `e^x` */
export function exp(f: Body, x: F32x4): F32x4 {
  const { fraction, p, q } = splitExp(f, x);
  return f.let(fraction.add(1).mul(powerOfTwo(p)).mul(powerOfTwo(q)));
}

/** `e^x` for `x` up to 0: faster, and 0 where it would be subnormal. */
export function expNegative(f: Body, x: F32x4): F32x4 {
  const least = -87.3;
  const { fraction, exponent } = reduceExp(f, f.let(x.pmax(least)));
  const value = fraction.add(1).mul(powerOfTwo(exponent));
  return f.let(x.lt(least).not().and(value.bits()).floats());
}

/** `e^x - 1`, accurate near 0. */
export function expm1(f: Body, x: F32x4): F32x4 {
  const { fraction, p, q } = splitExp(f, x);
  const scale = f.let(powerOfTwo(p)), inverse = powerOfTwo(I32x4.of(0).sub(q));
  return f.let(f.madd(fraction, scale, scale.sub(inverse)).mul(powerOfTwo(q)));
}

/** The natural logarithm. */
export function log(f: Body, x: F32x4): F32x4 {
  const isTiny = f.let(x.lt(1.17549435e-38)),
    scaled = f.let(isTiny.select(x.mul(2 ** 23), x));
  const bits = f.let(scaled.bits());
  // The mantissa in [1/2, 1), then in [sqrt(1/2), sqrt(2)).
  const m = f.let(bits.and(0x007fffff).or(0x3f000000).floats());
  const isLow = f.let(m.lt(Math.SQRT1_2));
  const whole = bits.shr(23).sub(126).toF32().sub(
    isTiny.select(F32x4.of(23), F32x4.of(0)),
  );
  const e = f.let(whole.sub(isLow.select(F32x4.of(1), F32x4.of(0))));
  const r = f.let(isLow.select(m.add(m), m).sub(1)), r2 = f.let(r.mul(r));
  const p = polynomial(f, r, [
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
  ]);
  const small = r.mul(r2).mul(p).add(e.mul(-2.12194440e-4)).sub(r2.mul(0.5));
  const value = f.let(r.add(small).add(e.mul(0.693359375)));
  const special = f.let(
    x.eq(0).select(F32x4.of(-Infinity), x.lt(0).select(F32x4.of(NaN), x)),
  );
  return f.let(x.gt(0).and(x.lt(Infinity)).select(value, special));
}

/** `log(1 + x)`, accurate near 0 (Kahan's method). */
export function log1p(f: Body, x: F32x4): F32x4 {
  const u = f.let(x.add(1)), logarithm = log(f, u);
  const corrected = f.let(logarithm.mul(x.div(u.sub(1))));
  const isCorrected = u.ne(1).and(u.lt(Infinity)).and(u.gt(0));
  return f.let(isCorrected.select(corrected, u.eq(1).select(x, logarithm)));
}

/** The hyperbolic tangent: `(1 - e^-2|x|) / (1 + e^-2|x|)`, with the sign of `x`. */
export function tanh(f: Body, x: F32x4): F32x4 {
  // Past -80 e^-2|x| is 0 beside 1, and need not be so small. NaN passes.
  const { fraction, exponent } = reduceExp(
    f,
    f.let(x.abs().mul(-2).pmax(-80)),
  );
  const scale = f.let(powerOfTwo(exponent));
  // Near 0 the power is near 1: less 1 it must not be rounded before.
  const less = f.let(f.madd(fraction, scale, scale.sub(1)));
  const more = f.madd(fraction, scale, scale.add(1));
  return f.let(copySign(less.div(more), x));
}

/** `magnitude` with the sign of `x`. */
export function copySign(magnitude: F32x4, x: F32x4): F32x4 {
  return I32x4.of(-0x80000000).select(x.bits(), magnitude.bits()).floats();
}

/** `1 / (1 + e^-x)` */
export function sigmoid(f: Body, x: F32x4): F32x4 {
  // At 89 the power is infinite; at -87 it is nothing beside 1. NaN passes.
  const bounded = f.let(x.neg().pmin(89).pmax(-87));
  const { fraction, exponent } = reduceExp(f, bounded);
  const power = fraction.add(1).mul(powerOfTwo(exponent));
  return f.let(F32x4.of(1).div(power.add(1)));
}

/** `log(1 + e^x)` */
export function softplus(f: Body, x: F32x4): F32x4 {
  const rest = log1p(f, exp(f, f.let(x.abs().neg())));
  return f.let(x.pmax(0).add(rest));
}

/** The error function. */
export function erf(f: Body, x: F32x4): F32x4 {
  const t = f.let(x.abs().pmin(4)), s = f.let(t.mul(t));
  const high = polynomial(f, t, [-1.72853470e-5, 3.83197126e-4]).mul(s)
    .add(polynomial(f, t, [-3.88396438e-3, 2.42546219e-2]));
  const exponent = high.mul(t).sub(1.06777877e-1).mul(t)
    .sub(6.34846687e-1).mul(t).sub(1.28717512e-1).mul(t).sub(t);
  const far = f.let(F32x4.of(1).sub(exp(f, f.let(exponent))));
  const near = polynomial(f, s, [
    -5.96761703e-4,
    4.99119423e-3,
    -2.67681349e-2,
    1.12819925e-1,
    -3.76125336e-1,
    1.28379166e-1,
  ]).mul(x).add(x);
  return f.let(t.gt(0.927734375).select(copySign(far, x), near));
}
