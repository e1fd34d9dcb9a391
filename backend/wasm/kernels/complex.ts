/**
 * Complex numbers, which tfjs' WASM backend lacks, and the Fourier transform. Real
 * and imaginary parts lie side by side.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { wasmBackend } from "../machine/backend.ts";
import {
  expectType,
  output,
  replace,
  size,
  view,
} from "../machine/registry.ts";

function complex(real: tf.TensorInfo, imag: tf.TensorInfo): tf.TensorInfo {
  expectType("complex", real, "float32");
  expectType("complex", imag, "float32");
  const out = output(real.shape, "complex64"), to = view(out);
  const re = view(real), im = view(imag);
  for (let i = 0; i < re.length; i++) {
    [to[2 * i], to[2 * i + 1]] = [re[i]!, im[i]!];
  }
  return out;
}

/** One number made of each complex one. */
function each(
  x: tf.TensorInfo,
  fn: (re: number, im: number) => number,
): tf.TensorInfo {
  expectType("a function of complex numbers", x, "complex64");
  const out = output(x.shape), to = view(out), from = view(x);
  for (let i = 0; i < to.length; i++) {
    to[i] = fn(from[2 * i]!, from[2 * i + 1]!);
  }
  return out;
}

/**
 * The discrete Fourier transform of the last axis, in 64 bits: by halves while the
 * length is even, by its definition where it is odd.
 */
function transform(x: tf.TensorInfo, isInverse: boolean): tf.TensorInfo {
  expectType("fft", x, "complex64");
  const out = output(x.shape, "complex64"), from = view(x), to = view(out);
  const n = x.shape.at(-1) ?? 1, angle = (isInverse ? 2 : -2) * Math.PI / n;
  // e^(i angle k): every smaller transform uses some of these.
  const cos = Float64Array.from({ length: n }, (_, k) => Math.cos(angle * k));
  const sin = Float64Array.from({ length: n }, (_, k) => Math.sin(angle * k));
  const recurse = (
    first: number,
    step: number,
    length: number,
  ): Float64Array => {
    const y = new Float64Array(2 * length), turn = n / length;
    if (length % 2) {
      for (let k = 0; k < length; k++) {
        for (let j = 0; j < length; j++) {
          const at = 2 * (first + j * step), w = (j * k % length) * turn;
          y[2 * k]! += from[at]! * cos[w]! - from[at + 1]! * sin[w]!;
          y[2 * k + 1]! += from[at]! * sin[w]! + from[at + 1]! * cos[w]!;
        }
      }
      return y;
    }
    const half = length / 2;
    const even = recurse(first, 2 * step, half),
      odd = recurse(first + step, 2 * step, half);
    for (let k = 0; k < half; k++) {
      const w = k * turn, [p, q] = [odd[2 * k]!, odd[2 * k + 1]!];
      const re = p * cos[w]! - q * sin[w]!, im = p * sin[w]! + q * cos[w]!;
      y[2 * k] = even[2 * k]! + re;
      y[2 * k + 1] = even[2 * k + 1]! + im;
      y[2 * (k + half)] = even[2 * k]! - re;
      y[2 * (k + half) + 1] = even[2 * k + 1]! - im;
    }
    return y;
  };
  const scale = isInverse ? 1 / n : 1;
  for (let row = 0; row < size(x.shape); row += n) {
    recurse(row, 1, n).forEach((value, i) => to[2 * row + i] = scale * value);
  }
  return out;
}

/** The part of tfjs' backend that reads tensors back. */
interface Reader {
  readSync(dataId: object, start?: number, end?: number): unknown;
}

/** Let `data()` read complex tensors. */
function readComplex(): void {
  // Kept: another backend may be the current one when a tensor is read.
  const wasm = wasmBackend();
  const backend = wasm as unknown as Reader & { readsComplex?: boolean };
  if (backend.readsComplex) return;
  backend.readsComplex = true;
  const readSync = backend.readSync.bind(backend);
  backend.readSync = (dataId, start, end) => {
    const { dtype, shape } = wasm.dataIdMap.get(dataId);
    if (dtype !== "complex64") return readSync(dataId, start, end);
    return view({ dataId, dtype, shape: [...shape] }).slice();
  };
}

/** Add the kernels of complex numbers. */
export function registerComplex(): void {
  readComplex();
  replace<"real" | "imag", unknown>(
    "Complex",
    ({ inputs: { real, imag } }) => complex(real, imag),
  );
  replace<"input", unknown>(
    "Real",
    ({ inputs: { input } }) => each(input, (re) => re),
  );
  replace<"input", unknown>(
    "Imag",
    ({ inputs: { input } }) => each(input, (_, im) => im),
  );
  replace<"x", unknown>(
    "ComplexAbs",
    ({ inputs: { x } }) => each(x, Math.hypot),
  );
  replace<"input", unknown>(
    "FFT",
    ({ inputs: { input } }) => transform(input, false),
  );
  replace<"input", unknown>(
    "IFFT",
    ({ inputs: { input } }) => transform(input, true),
  );
}
