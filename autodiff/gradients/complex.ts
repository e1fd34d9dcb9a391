import { type Gradients, noGradient } from "./rule.ts";

const WHY =
  "tfjs' tape carries no complex gradients: use complex, real, imag, abs and fft of Braintape's own tf, on tensors that no tf.tidy has freed";

/** Complex numbers: gradients go through their parts, see `backend/ops/complex.ts`. */
export const complex: Gradients = Object.fromEntries(
  ["ComplexAbs", "Real", "Imag", "FFT", "IFFT"].map((name) => [
    name,
    noGradient(name, WHY),
  ]),
);
