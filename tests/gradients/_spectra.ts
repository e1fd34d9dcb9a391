import * as tf from "../../tf.ts";
import { type Case, row } from "./_case.ts";

/** Both parts of a complex tensor, told apart. */
function both(z: tf.Tensor): tf.Tensor {
  return tf.add(tf.real(z), tf.mul(tf.imag(z), 2));
}

/** Shapes of two factors, alike or not. */
const PAIRS = [
  [[2, 3], [2, 3]],
  [[2, 3], [3]],
  [[1, 3], [2, 1]],
];

/** Shapes of matrices, and which of them are transposed. */
const PRODUCTS: [number[], number[], boolean, boolean][] = [
  [[2, 3], [3, 4], false, false],
  [[3, 2], [3, 4], true, false],
  [[2, 3], [4, 3], false, true],
  [[2, 2, 3], [3, 2], false, false],
  [[2, 1, 3], [2, 3, 2], false, false],
];

/** Arithmetic of complex numbers, and of complex and real ones. */
const arithmetic: Case[] = [
  ...(["add", "sub", "mul"] as const).flatMap((op) =>
    PAIRS.flatMap(([a, b]) => [
      row(
        `${op} of complex`,
        [a!, a!, b!, b!],
        (a, b, c, d) => both(tf[op](tf.complex(a, b), tf.complex(c, d))),
      ),
      row(
        `${op} of complex and real`,
        [a!, a!, b!],
        (a, b, c) => both(tf[op](tf.complex(a, b), c)),
      ),
      row(
        `${op} of real and complex`,
        [a!, b!, b!],
        (a, c, d) => both(tf[op](a, tf.complex(c, d))),
      ),
    ])
  ),
  ...PRODUCTS.flatMap(([a, b, transposeA, transposeB]) => {
    const name = `matMul${transposeA ? " aᵀ" : ""}${transposeB ? " bᵀ" : ""}`;
    const times = (x: tf.Tensor, y: tf.Tensor) =>
      both(tf.matMul(x, y, transposeA, transposeB));
    return [
      row(
        `${name} of complex`,
        [a, a, b, b],
        (a, b, c, d) => times(tf.complex(a, b), tf.complex(c, d)),
      ),
      row(
        `${name} of complex and real`,
        [a, a, b],
        (a, b, c) => times(tf.complex(a, b), c),
      ),
      row(
        `${name} of real and complex`,
        [a, b, b],
        (a, c, d) => times(a, tf.complex(c, d)),
      ),
    ];
  }),
  row(
    "dot of complex",
    [[3], [3], [3], [3]],
    (a, b, c, d) => both(tf.dot(tf.complex(a, b), tf.complex(c, d))),
  ),
  row(
    "einsum bij,kj->bki of complex",
    [[2, 3, 2], [2, 3, 2], [2, 2], [2, 2]],
    (a, b, c, d) =>
      both(tf.einsum("bij,kj->bki", tf.complex(a, b), tf.complex(c, d))),
  ),
  row("neg of complex", [[3], [3]], (a, b) => both(tf.neg(tf.complex(a, b)))),
  row(
    "sum of complex",
    [[2, 3], [2, 3]],
    (a, b) => both(tf.sum(tf.complex(a, b), 1)),
  ),
  row(
    "reshape of complex",
    [[2, 3], [2, 3]],
    (a, b) => both(tf.reshape(tf.complex(a, b), [3, 2])),
  ),
  row(
    "transpose of complex, conjugated",
    [[2, 3], [2, 3]],
    (a, b) => both(tf.transpose(tf.complex(a, b), undefined, true)),
  ),
  row(
    "circular convolution",
    [[2, 4], [4]],
    (x, w) => tf.irfft(tf.mul(tf.rfft(x), tf.rfft(w))),
  ),
];

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
  ...arithmetic,
  row("stft", [[16]], (x) => both(tf.signal.stft(x, 8, 4))),
  row("power spectrum", [[8]], (x) => tf.square(tf.abs(tf.rfft(x))), "spaced"),
];
