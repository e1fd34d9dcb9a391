import * as tf from "@tensorflow/tfjs-core";
import { refuse } from "../../internal/check.ts";
import { equal } from "./comparisons.ts";
import { where } from "./where.ts";
import { toTensor } from "./to_tensor.ts";

/** The real and the imaginary part. */
type Parts = readonly [tf.Tensor, tf.Tensor];

/**
 * tfjs' tape carries no complex gradients. So complex tensors made here
 * remember the tensors of their parts, and gradients go through those.
 */
const partsOf = new WeakMap<tf.Tensor, Parts>();

/** `tf.complex` whose parts can be differentiated. */
export function complex<T extends tf.Tensor>(
  real: T | tf.TensorLike,
  imag: T | tf.TensorLike,
): T {
  const re = toTensor("make complex numbers", "real", real);
  const im = toTensor("make complex numbers", "imag", imag);
  const z = tf.complex(re, im);
  partsOf.set(z, [re, im]);
  return z as T;
}

/** `tf.real` that can be differentiated. */
export function real<T extends tf.Tensor>(input: T | tf.TensorLike): T {
  const known = remembered(input);
  return known ? tf.clone(known[0]) as T : tf.real(input);
}

/** `tf.imag` that can be differentiated. */
export function imag<T extends tf.Tensor>(input: T | tf.TensorLike): T {
  const known = remembered(input);
  return known ? tf.clone(known[1]) as T : tf.imag(input);
}

/** `tf.abs` that can be differentiated for complex numbers too. */
export function abs<T extends tf.Tensor>(x: T | tf.TensorLike): T {
  const known = remembered(x);
  if (!known) return tf.abs(x);
  const [re, im] = known;
  const square = tf.add(tf.square(re), tf.square(im));
  // The root has no slope at 0; the gradient there is 0, as in torch.
  const isZero = equal(square, 0);
  const root = tf.sqrt(where(isZero, tf.onesLike(square), square));
  return where(isZero, tf.zerosLike(root), root) as T;
}

/** `tf.fft`, over the last axis, that can be differentiated. */
export function fft(input: tf.Tensor): tf.Tensor {
  return transform(input, false);
}

/** `tf.ifft`, over the last axis, that can be differentiated. */
export function ifft(input: tf.Tensor): tf.Tensor {
  return transform(input, true);
}

/** `tf.rfft` that can be differentiated. */
export function rfft(
  x: tf.Tensor | tf.TensorLike,
  fftLength?: number,
): tf.Tensor {
  const input = toTensor("take rfft", "input", x, "float32");
  const size = input.shape[input.rank - 1]!;
  const length = fftLength ?? size;
  const kept = Math.min(size, length);
  const ends = (range: [number, number]) =>
    input.shape.map((_, i) =>
      i === input.rank - 1 ? range : [0, 0] as [number, number]
    );
  const cut = (x: tf.Tensor, to: number) =>
    tf.slice(
      x,
      x.shape.map(() => 0),
      [...x.shape.slice(0, -1), to],
    );
  const part = kept < size ? cut(input, kept) : input;
  const whole = kept < length ? tf.pad(part, ends([0, length - kept])) : part;
  const z = fft(complex(whole, tf.zerosLike(whole)));
  const half = Math.floor(length / 2) + 1;
  return complex(cut(real(z), half), cut(imag(z), half));
}

/** `tf.irfft` that can be differentiated. */
export function irfft(x: tf.Tensor | tf.TensorLike): tf.Tensor {
  const input = toTensor("take irfft", "input", x);
  if (input.dtype !== "complex64") {
    refuse("take irfft", "input", "of complex64", input, TypeError);
  }
  const size = input.shape[input.rank - 1]!;
  const batch = input.size / size;
  const [re, im] = [real(input), imag(input)].map((x) =>
    tf.reshape(x, [batch, size])
  ) as [tf.Tensor2D, tf.Tensor2D];
  // The second half mirrors the first, without its ends.
  const mirrored = (x: tf.Tensor2D) =>
    tf.reverse(tf.slice(x, [0, 1], [batch, size - 2]), 1);
  const z = size <= 2 ? complex(re, im) : complex(
    tf.concat([re, mirrored(re)], 1),
    tf.concat([im, tf.neg(mirrored(im))], 1),
  );
  const y = real(ifft(z));
  return input.rank === 3
    ? tf.reshape(y, [input.shape[0]!, input.shape[1]!, y.shape[1]!])
    : y;
}

/** tfjs' spectral operations, with ours in place. */
export const spectral: typeof tf.spectral = { fft, ifft, rfft, irfft };

/** tfjs' signal operations, with ours in place. */
export const signal: typeof tf.signal = {
  ...tf.signal,
  stft: (
    x,
    frameLength,
    frameStep,
    fftLength = tf.enclosingPowerOfTwo(frameLength),
    windowFn = tf.signal.hannWindow,
  ) => {
    const signal = toTensor("take stft", "signal", x) as tf.Tensor1D;
    const frames = tf.signal.frame(signal, frameLength, frameStep);
    return rfft(tf.mul(frames, windowFn(frameLength)), fftLength);
  },
};

function remembered(x: tf.Tensor | tf.TensorLike): Parts | undefined {
  const parts = x instanceof tf.Tensor ? partsOf.get(x) : undefined;
  return parts?.some(({ isDisposed }) => isDisposed) ? undefined : parts;
}

function transform(x: tf.Tensor, isInverse: boolean): tf.Tensor {
  const input = toTensor(isInverse ? "take ifft" : "take fft", "input", x);
  if (input.dtype !== "complex64") {
    refuse("transform", "the tensor", "of complex64", input, TypeError);
  }
  const pair = transformPair(
    tf.stack([real(input), imag(input)]),
    isInverse,
  );
  const [re, im] = tf.unstack(pair) as [tf.Tensor, tf.Tensor];
  return complex(re, im);
}

/**
 * The transform of stacked parts. With F the unscaled transform of length n,
 * the gradient of F x is conj(F)ᵀ dy, which is n times the inverse transform;
 * and the other way around.
 */
function transformPair(x: tf.Tensor, isInverse: boolean): tf.Tensor {
  const length = x.shape[x.rank - 1]!;
  const op = tf.customGrad((x) => {
    const [re, im] = tf.unstack(x as tf.Tensor) as [tf.Tensor, tf.Tensor];
    const z = tf.complex(re, im);
    const rows = tf.reshape(z, [-1, length]);
    const out = isInverse ? tf.ifft(rows) : tf.fft(rows);
    const value = tf.reshape(
      tf.stack([tf.real(out), tf.imag(out)]),
      (x as tf.Tensor).shape,
    );
    const gradFunc = (dy: tf.Tensor) =>
      tf.mul(
        transformPair(dy, !isInverse),
        isInverse ? 1 / length : length,
      );
    return { value, gradFunc };
  });
  return op(x);
}
