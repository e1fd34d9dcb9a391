import * as tf from "../../tf.ts";
import { type Case, row } from "./_case.ts";

/** Both parts of a complex tensor, told apart. */
function both(z: tf.Tensor): tf.Tensor {
  return tf.add(tf.real(z), tf.mul(tf.imag(z), 2));
}

/** Complex numbers. tfjs has none on WASM. */
export const spectra: Case[] = [
  ...[[4], [2, 3], [2, 2, 8]].flatMap((shape) => [
    row("complex", [shape, shape], (a, b) => both(tf.complex(a, b))),
    row(
      "abs of complex",
      [shape, shape],
      (a, b) => tf.abs(tf.complex(a, b)),
      "nonzero",
    ),
    row("fft", [shape, shape], (a, b) => both(tf.fft(tf.complex(a, b)))),
    row("ifft", [shape, shape], (a, b) => both(tf.ifft(tf.complex(a, b)))),
    row("rfft", [shape], (x) => both(tf.rfft(x))),
    row("rfft padded", [shape], (x) => both(tf.spectral.rfft(x, 10))),
    row("rfft cut", [shape], (x) => both(tf.spectral.rfft(x, 2))),
    row("irfft", [shape, shape], (a, b) => tf.irfft(tf.complex(a, b))),
  ]),
  row("stft", [[16]], (x) => both(tf.signal.stft(x, 8, 4))),
  row("power spectrum", [[8]], (x) => tf.square(tf.abs(tf.rfft(x))), "spaced"),
];
