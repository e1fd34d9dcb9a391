import * as tf from "@tensorflow/tfjs-core";
import { engine } from "../../internal/engine.ts";
import { complex, imag, real } from "./complex.ts";
import { toTensor } from "./to_tensor.ts";

/** What ops take. */
type Operand = tf.Tensor | tf.TensorLike;

/** `re + i im`; null for the imaginary part of a tensor that has none. */
interface Parts {
  readonly re: tf.Tensor;
  readonly im: tf.Tensor | null;
}

/** The real and the imaginary part of a result. */
type Both = readonly [re: tf.Tensor, im: tf.Tensor];

/** `tf.add`, also of complex numbers: `(a + b)`, part by part. */
export function add<T extends tf.Tensor>(a: Operand, b: Operand): T {
  return anyComplex(a, b)
    ? ofParts("add", a, b, (a, b) => partwise(tf.add, a, b)) as T
    : tf.add<T>(a, b);
}

/** `tf.sub`, also of complex numbers: `(a - b)`, part by part. */
export function sub<T extends tf.Tensor>(a: Operand, b: Operand): T {
  return anyComplex(a, b)
    ? ofParts("subtract", a, b, (a, b) => partwise(tf.sub, a, b)) as T
    : tf.sub<T>(a, b);
}

/** `tf.mul`, also of complex numbers. */
export function mul<T extends tf.Tensor>(a: Operand, b: Operand): T {
  return anyComplex(a, b)
    ? ofParts("multiply", a, b, (a, b) => product(tf.mul, a, b)) as T
    : tf.mul<T>(a, b);
}

/** `tf.matMul`, also of complex numbers, which are transposed and not conjugated. */
export function matMul<T extends tf.Tensor>(
  a: Operand,
  b: Operand,
  transposeA = false,
  transposeB = false,
): T {
  if (!anyComplex(a, b)) return tf.matMul<T>(a, b, transposeA, transposeB);
  const times = (a: tf.Tensor, b: tf.Tensor) =>
    tf.matMul(a, b, transposeA, transposeB);
  return ofParts("matMul", a, b, (a, b) => product(times, a, b)) as T;
}

/** `tf.dot`, also of complex numbers, which are not conjugated. */
export function dot(a: Operand, b: Operand): tf.Tensor {
  return anyComplex(a, b)
    ? ofParts("dot", a, b, (a, b) => product(tf.dot, a, b))
    : tf.dot(a, b);
}

/** `tf.neg`, also of complex numbers. */
export function neg<T extends tf.Tensor>(x: T | tf.TensorLike): T {
  return anyComplex(x) ? ofEach(x, (part) => tf.neg(part)) as T : tf.neg(x);
}

/** `tf.sum`, also of complex numbers. */
export function sum<T extends tf.Tensor>(
  x: Operand,
  axis?: number | number[],
  keepDims = false,
): T {
  return anyComplex(x)
    ? ofEach(x, (part) => tf.sum(part, axis, keepDims)) as T
    : tf.sum<T>(x, axis, keepDims);
}

/** `tf.reshape` that can be differentiated for complex numbers too. */
export function reshape<R extends tf.Rank>(
  x: Operand,
  shape: tf.ShapeMap[R],
): tf.Tensor<R> {
  return anyComplex(x)
    ? ofEach(x, (part) => tf.reshape(part, shape)) as tf.Tensor<R>
    : tf.reshape<R>(x, shape);
}

/** `tf.transpose` that can be differentiated for complex numbers too. */
export function transpose<T extends tf.Tensor>(
  x: T | tf.TensorLike,
  perm?: number[],
  conjugate = false,
): T {
  return anyComplex(x)
    ? ofEach(x, (part, isImag) => {
      const moved = tf.transpose(part, perm);
      return isImag && conjugate ? tf.neg(moved) : moved;
    }) as T
    : tf.transpose<T>(x, perm, conjugate);
}

function anyComplex(a: Operand, b?: Operand): boolean {
  return a instanceof tf.Tensor && a.dtype === "complex64" ||
    b instanceof tf.Tensor && b.dtype === "complex64";
}

/**
 * ```text
 * (a + i b) (c + i d) = (a c - b d) + i (a d + b c)
 * ```
 *
 * @param times A product of reals, linear in both.
 */
function product(
  times: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
  { re: a, im: b }: Parts,
  { re: c, im: d }: Parts,
): Both {
  const re = times(a, c);
  if (!b) return [re, times(a, d!)];
  if (!d) return [re, times(b, c)];
  return [tf.sub(re, times(b, d)), tf.add(times(a, d), times(b, c))];
}

/** An op for both parts; an imaginary part that is missing is 0. */
function partwise(
  op: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
  a: Parts,
  b: Parts,
): Both {
  const im = ({ re, im }: Parts) => im ?? tf.zerosLike(re);
  return [op(a.re, b.re), op(im(a), im(b))];
}

/** A complex tensor made of the parts of two tensors. */
function ofParts(
  action: string,
  a: Operand,
  b: Operand,
  fn: (a: Parts, b: Parts) => Both,
): tf.Tensor {
  return whole(() =>
    complex(...fn(
      partsOf(toTensor(action, "a", a)),
      partsOf(toTensor(action, "b", b)),
    ))
  );
}

/** A complex tensor made of each part of another. */
function ofEach(
  x: Operand,
  fn: (part: tf.Tensor, isImag: boolean) => tf.Tensor,
): tf.Tensor {
  const z = x as tf.Tensor;
  return whole(() => complex(fn(real(z), false), fn(imag(z), true)));
}

function partsOf(x: tf.Tensor): Parts {
  if (x.dtype === "complex64") return { re: real(x), im: imag(x) };
  return { re: tf.cast(x, "float32"), im: null };
}

/**
 * Runs `fn`, and frees all but its result, unless a gradient needs the parts: whoever
 * computes it frees them.
 */
function whole(fn: () => tf.Tensor): tf.Tensor {
  return engine().state.gradientDepth > 0 ? fn() : tf.tidy(fn);
}
