/**
 * The gates of a long short-term memory.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { oneKernel } from "../kernel.ts";
import {
  type Blocks,
  type Elements,
  type GateKernel,
  type GateOperation,
  ofTensors,
  runGates,
} from "./gates.ts";

/** The state of an LSTM: its output, and its memory. */
export type LstmState = {
  /** `[batch, hidden]` */
  readonly h: tf.Tensor2D;
  /** `[batch, hidden]` */
  readonly c: tf.Tensor2D;
};

type Four<T> = readonly [T, T, T, T];

const FORWARD = {
  name: "LstmGates",
  inputs: { x: 4, y: 4, c: 1 },
  outputs: { h: 1, next: 1, gates: 4 },
  cost: 60,
  formula<T>(m: Elements<T>, { x, c: [c] }: Blocks<T, "x" | "c">) {
    const [i, g, f, o] = x as Four<T>;
    const input = m.sigmoid(i), candidate = m.tanh(g);
    const forget = m.sigmoid(m.add(f, m.of(1))), output = m.sigmoid(o);
    const next = m.add(m.mul(forget, c!), m.mul(input, candidate));
    return {
      h: [m.mul(output, m.tanh(next))],
      next: [next],
      gates: [input, candidate, forget, output],
    };
  },
};

const BACKWARD = {
  name: "LstmGatesGrad",
  inputs: { gates: 4, c: 1, next: 1, dH: 1, dNext: 1 },
  outputs: { dX: 4, dC: 1 },
  cost: 30,
  formula<T>(
    m: Elements<T>,
    { gates, c: [c], next: [next], dH: [dH], dNext: [dNext] }: Blocks<
      T,
      "gates" | "c" | "next" | "dH" | "dNext"
    >,
  ) {
    const [i, g, f, o] = gates as Four<T>;
    const product = (x: T, ...others: readonly T[]) => others.reduce(m.mul, x);
    const without = (x: T) => m.sub(m.of(1), x);
    const t = m.tanh(next!);
    const memory = m.add(dNext!, product(dH!, o, without(m.mul(t, t))));
    return {
      dX: [
        product(memory, g, i, without(i)),
        product(memory, i, without(m.mul(g, g))),
        product(memory, c!, f, without(f)),
        product(dH!, t, o, without(o)),
      ],
      dC: [m.mul(memory, f)],
    };
  },
};

const OPERATION: GateOperation<"x" | "y" | "c", "h" | "next"> = {
  forward: FORWARD,
  backward: BACKWARD,
  results: ["h", "next"],
};

/** The kernels. */
export const LSTM_KERNELS: readonly GateKernel[] = [FORWARD, BACKWARD];

/**
 * The next state of a long short-term memory, as one kernel where there is one.
 *
 * ```text
 * i, g, f, o = x + y
 * c ← σ(f + 1) c + σ(i) tanh(g)
 * h ← σ(o) tanh(c)
 * ```
 *
 * @param x The term of the input, `[batch, 4 hidden]`.
 * @param y The term of the output before, `[batch, 4 hidden]`.
 * @param c The memory before, `[batch, hidden]`.
 */
export function lstmGates(
  x: tf.Tensor2D,
  y: tf.Tensor2D,
  c: tf.Tensor2D,
): LstmState {
  return oneKernel(
    FORWARD.name,
    () => {
      const { h, next } = runGates(OPERATION, { x, y, c });
      return { h, c: next };
    },
    () => composedGates(x, y, c, tf.tanh),
  );
}

/** {@linkcode lstmGates} with another activation in place of tanh, of single ops. */
export function composedGates(
  x: tf.Tensor2D,
  y: tf.Tensor2D,
  c: tf.Tensor2D,
  activation: (x: tf.Tensor2D) => tf.Tensor2D,
): LstmState {
  const terms = tf.split<tf.Tensor2D>(tf.add(x, y), 4, 1);
  const { h: [h], next: [next] } = FORWARD.formula(
    ofTensors(activation),
    { x: terms, c: [c] },
  );
  return { h: h!, c: next! };
}
