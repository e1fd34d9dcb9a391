/**
 * Elementary functions as WGSL, within a few units in the last place: WGSL's own
 * may be off by 2^-21 near 0, and NaN may get lost in `min`, `max` and comparisons.
 *
 * Polynomials are those of Moshier's Cephes library (single precision); `erf` is
 * Norbert Juffa's.
 *
 * @module
 */

/** What a function calls must be before it. */
export const MATH = `
fn exponent2(n : i32) -> f32 { return bitcast<f32>((n + 127) << 23u); }

// e^x is (1 + fraction) 2^n.
fn exp_fraction(x : f32, n : f32) -> f32 {
  let r = fma(n, 2.12194440e-4, fma(n, -0.693359375, x));
  var p = 1.9875691500e-4;
  p = fma(p, r, 1.3981999507e-3);
  p = fma(p, r, 8.3334519073e-3);
  p = fma(p, r, 4.1665795894e-2);
  p = fma(p, r, 1.6666665459e-1);
  p = fma(p, r, 5.0000001201e-1);
  return fma(p, r * r, r);
}

fn exp_(x : f32) -> f32 {
  if (isnan(x)) { return x; }
  if (x > 88.8) { return uniforms.INFINITY; }
  let bounded = max(x, -104.0);
  let n = round(bounded * 1.4426950408889634);
  let half = i32(n) / 2;
  let value = 1.0 + exp_fraction(bounded, n);
  return value * exponent2(half) * exponent2(i32(n) - half);
}

fn expm1_(x : f32) -> f32 {
  if (isnan(x) || x > 20.0) { return exp_(x); }
  if (x < -20.0) { return -1.0; }
  let n = round(x * 1.4426950408889634);
  let fraction = exp_fraction(x, n);
  let scale = exponent2(i32(n));
  return fma(fraction, scale, scale - 1.0);
}

// log(1 + r) for r from sqrt(1/2) - 1 to sqrt(2) - 1, plus e log(2).
fn log_near(r : f32, e : f32) -> f32 {
  let z = r * r;
  var p = 7.0376836292e-2;
  p = fma(p, r, -1.1514610310e-1);
  p = fma(p, r, 1.1676998740e-1);
  p = fma(p, r, -1.2420140846e-1);
  p = fma(p, r, 1.4249322787e-1);
  p = fma(p, r, -1.6668057665e-1);
  p = fma(p, r, 2.0000714765e-1);
  p = fma(p, r, -2.4999993993e-1);
  p = fma(p, r, 3.3333331174e-1);
  let rest = r * z * p + e * -2.12194440e-4 - 0.5 * z;
  return r + rest + e * 0.693359375;
}

fn log_(x : f32) -> f32 {
  if (isnan(x) || x < 0.0) { return uniforms.NAN; }
  if (x == 0.0) { return -uniforms.INFINITY; }
  if (x > 3.4028234e38) { return x; }
  var scaled = x;
  var whole = 0;
  if (x < 1.17549435e-38) { scaled = x * 8388608.0; whole = -23; }
  let bits = bitcast<i32>(scaled);
  whole += (bits >> 23u) - 126;
  var m = bitcast<f32>((bits & 0x007fffff) | 0x3f000000);
  if (m < 0.70710678118654752) { whole -= 1; m = m + m; }
  return log_near(m - 1.0, f32(whole));
}

// Compilers may take (1 + x) - 1 for x, so nothing is corrected by it.
fn log1p_(x : f32) -> f32 {
  if (x > -0.29 && x < 0.41) { return log_near(x, 0.0); }
  return log_(1.0 + x);
}

fn signed(magnitude : f32, x : f32) -> f32 {
  return bitcast<f32>((bitcast<u32>(x) & 0x80000000u) | bitcast<u32>(magnitude));
}

fn sinh_(x : f32) -> f32 {
  if (isnan(x)) { return x; }
  let a = abs(x);
  if (a > 88.0) {
    let half = exp_(0.5 * a);
    return signed((0.5 * half) * half, x);
  }
  let e = expm1_(a);
  return signed(0.5 * (e + e / (e + 1.0)), x);
}

fn tanh_(x : f32) -> f32 {
  if (isnan(x)) { return x; }
  let a = abs(x);
  if (a > 10.0) { return signed(1.0, x); }
  let e = expm1_(2.0 * a);
  return signed(e / (e + 2.0), x);
}

fn asinh_(x : f32) -> f32 {
  if (isnan(x)) { return x; }
  let a = abs(x);
  if (a > 1e9) { return signed(log_(a) + 0.6931471805599453, x); }
  return signed(log1p_(a + a * a / (1.0 + sqrt(fma(a, a, 1.0)))), x);
}

fn acosh_(x : f32) -> f32 {
  if (isnan(x) || x < 1.0) { return uniforms.NAN; }
  if (x > 1e9) { return log_(x) + 0.6931471805599453; }
  let t = x - 1.0;
  return log1p_(t + sqrt(t * (t + 2.0)));
}

fn atanh_(x : f32) -> f32 {
  let a = abs(x);
  if (isnan(x) || a > 1.0) { return uniforms.NAN; }
  if (a == 1.0) { return signed(uniforms.INFINITY, x); }
  return signed(0.5 * log1p_(2.0 * a / (1.0 - a)), x);
}

fn asin_half(x : f32) -> f32 {
  let z = x * x;
  var p = 4.2163199048e-2;
  p = fma(p, z, 2.4181311049e-2);
  p = fma(p, z, 4.5470025998e-2);
  p = fma(p, z, 7.4953002686e-2);
  p = fma(p, z, 1.6666752422e-1);
  return fma(p * z, x, x);
}

fn asin_(x : f32) -> f32 {
  let a = abs(x);
  if (isnan(x) || a > 1.0) { return uniforms.NAN; }
  if (a <= 0.5) { return asin_half(x); }
  return signed(1.5707963267948966 - 2.0 * asin_half(sqrt(0.5 * (1.0 - a))), x);
}

fn acos_(x : f32) -> f32 {
  if (isnan(x) || abs(x) > 1.0) { return uniforms.NAN; }
  if (x > 0.5) { return 2.0 * asin_half(sqrt(0.5 * (1.0 - x))); }
  if (x < -0.5) { return 3.141592653589793 - 2.0 * asin_half(sqrt(0.5 * (1.0 + x))); }
  return 1.5707963267948966 - asin_half(x);
}

fn atan_(x : f32) -> f32 {
  if (isnan(x)) { return x; }
  let a = abs(x);
  var base = 0.0;
  var r = a;
  if (a > 2.414213562373095) {
    base = 1.5707963267948966;
    r = select(-1.0 / a, 0.0, a > 3.4028234e38);
  } else if (a > 0.4142135623730950) {
    base = 0.7853981633974483;
    r = (a - 1.0) / (a + 1.0);
  }
  let z = r * r;
  var p = 8.05374449538e-2;
  p = fma(p, z, -1.38776856032e-1);
  p = fma(p, z, 1.99777106478e-1);
  p = fma(p, z, -3.33329491539e-1);
  return signed(base + fma(p * z, r, r), x);
}

fn atan2_(y : f32, x : f32) -> f32 {
  if (isnan(x) || isnan(y)) { return uniforms.NAN; }
  let isBack = (bitcast<u32>(x) & 0x80000000u) != 0u;
  let a = abs(y);
  let b = abs(x);
  var angle = 0.0;
  if (a > 3.4028234e38 && b > 3.4028234e38) { angle = 0.7853981633974483; }
  else if (a == 0.0) { angle = 0.0; }
  else if (b == 0.0 || a > 3.4028234e38) { angle = 1.5707963267948966; }
  else if (b > 3.4028234e38) { angle = 0.0; }
  else { angle = atan_(a / b); }
  return signed(select(angle, 3.141592653589793 - angle, isBack), y);
}

fn erf_(x : f32) -> f32 {
  if (isnan(x)) { return x; }
  let t = min(abs(x), 4.0);
  let s = t * t;
  if (t > 0.927734375) {
    let high = fma(fma(-1.72853470e-5, t, 3.83197126e-4), s, fma(-3.88396438e-3, t, 2.42546219e-2));
    var p = fma(high, t, -1.06777877e-1);
    p = fma(p, t, -6.34846687e-1);
    p = fma(p, t, -1.28717512e-1);
    p = fma(p, t, -t);
    return signed(-expm1_(p), x);
  }
  var p = -5.96761703e-4;
  p = fma(p, s, 4.99119423e-3);
  p = fma(p, s, -2.67681349e-2);
  p = fma(p, s, 1.12819925e-1);
  p = fma(p, s, -3.76125336e-1);
  p = fma(p, s, 1.28379166e-1);
  return fma(p, x, x);
}

fn softplus_(x : f32) -> f32 {
  if (isnan(x)) { return x; }
  return max(x, 0.0) + log1p_(exp_(-abs(x)));
}

fn pow_(a : f32, b : f32) -> f32 {
  if (b == 0.0) { return 1.0; }
  if (isnan(a) || isnan(b)) { return uniforms.NAN; }
  if (b == 2.0) { return a * a; }
  if (b == 3.0) { return a * a * a; }
  if (b == 0.5 && a >= 0.0) { return sqrt(a); }
  let isInteger = floor(b) == b;
  if (a < 0.0 && !isInteger) { return uniforms.NAN; }
  var power = 0.0;
  if (a == 0.0) { power = select(0.0, uniforms.INFINITY, b < 0.0); }
  else { power = pow(abs(a), b); }
  let isOdd = isInteger && abs(b) < 16777216.0 && (i32(abs(b)) & 1) == 1;
  return select(power, signed(power, a), isOdd);
}

fn sign_(x : f32) -> f32 {
  if (isnan(x)) { return x; }
  return sign(x);
}

fn min_(a : f32, b : f32) -> f32 {
  if (isnan(a)) { return a; }
  if (isnan(b)) { return b; }
  return min(a, b);
}

fn max_(a : f32, b : f32) -> f32 {
  if (isnan(a)) { return a; }
  if (isnan(b)) { return b; }
  return max(a, b);
}
`;
