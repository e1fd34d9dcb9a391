/**
 * The gates of cells that compute a candidate for the next state: the gated recurrent
 * unit with two, the minimal gated unit with one.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { oneKernel } from "../kernel.ts";
import {
  type Blocks,
  type Elements,
  type GateKernel,
  ofTensors,
  runGates,
} from "./gates.ts";

/** `1 - x` */
function without<T>(m: Elements<T>, x: T): T {
  return m.sub(m.of(1), x);
}

/** `h + z (n - h)`: the last gate moves the state to the candidate. */
function moved<T>(m: Elements<T>, h: T, z: T, n: T): T {
  return m.add(h, m.mul(z, m.sub(n, h)));
}

/** The gradients in what {@linkcode moved} takes, and in what tanh made the candidate of. */
function gradientsOfMoved<T>(m: Elements<T>, h: T, z: T, n: T, dNext: T) {
  const slope = without(m, m.mul(n, n));
  return {
    dTerm: m.mul(m.mul(dNext, z), slope),
    dUpdate: m.mul(dNext, m.sub(n, h)),
    dH: m.mul(dNext, without(m, z)),
  };
}

/** The gradient in what the sigmoid made a gate of. */
function throughSigmoid<T>(m: Elements<T>, gate: T, slope: T): T {
  return m.mul(m.mul(slope, gate), without(m, gate));
}

/**
 * The operations of cells with `count` gates: the gates with the state that the first of
 * them lets through; the next state from them; and both at once, where the first gate
 * comes after the product. `of` is what the names of kernels begin with.
 */
function operationsOf(of: string, count: number) {
  const all = count + 1, update = count - 1;
  const reset = {
    forward: {
      name: `${of}Reset`,
      inputs: { x: all, y: count, h: 1 },
      outputs: { reset: 1, gates: all },
      cost: 12 * count + 5,
      formula<T>(m: Elements<T>, { x, h: [h] }: Blocks<T, "x" | "h">) {
        const open = x.slice(0, count).map(m.sigmoid);
        return { reset: [m.mul(open[0]!, h!)], gates: [...open, x[count]!] };
      },
    },
    backward: {
      name: `${of}ResetGrad`,
      inputs: { gates: all, h: 1, dReset: 1, dGates: all },
      outputs: { dX: all, dY: count, dH: 1 },
      cost: 15,
      formula<T>(
        m: Elements<T>,
        { gates, h: [h], dReset: [dReset], dGates }: Blocks<
          T,
          "gates" | "h" | "dReset" | "dGates"
        >,
      ) {
        const ofReset = m.add(dGates[0]!, m.mul(dReset!, h!));
        const slopes = [ofReset, ...dGates.slice(1, count)];
        const dY = slopes.map((slope, k) =>
          throughSigmoid(m, gates[k]!, slope)
        );
        const dH = m.mul(dReset!, gates[0]!);
        return { dX: [...dY, dGates[count]!], dY, dH: [dH] };
      },
    },
    results: ["reset", "gates"] as const,
  };
  const next = {
    forward: {
      name: `${of}Update`,
      inputs: { gates: all, state: 1, h: 1 },
      outputs: { next: 1, candidate: 1 },
      cost: 20,
      formula<T>(
        m: Elements<T>,
        { gates, state: [state], h: [h] }: Blocks<T, "gates" | "state" | "h">,
      ) {
        const candidate = m.tanh(m.add(gates[count]!, state!));
        const next = moved(m, h!, gates[update]!, candidate);
        return { next: [next], candidate: [candidate] };
      },
    },
    backward: {
      name: `${of}UpdateGrad`,
      inputs: { gates: all, candidate: 1, h: 1, dNext: 1 },
      outputs: { dGates: all, dState: 1, dH: 1 },
      cost: 15,
      formula<T>(
        m: Elements<T>,
        { gates, candidate: [n], h: [h], dNext: [dNext] }: Blocks<
          T,
          "gates" | "candidate" | "h" | "dNext"
        >,
      ) {
        const { dTerm, dUpdate, dH } = gradientsOfMoved(
          ...[m, h!, gates[update]!, n!, dNext!] as const,
        );
        const none = gates.slice(0, update).map(() => m.of(0));
        return {
          dGates: [...none, dUpdate, dTerm],
          dState: [dTerm],
          dH: [dH],
        };
      },
    },
    results: ["next"] as const,
  };
  const after = {
    forward: {
      name: `${of}Gates`,
      inputs: { x: all, y: count, state: 1, h: 1 },
      outputs: { next: 1, gates: all },
      cost: 12 * count + 25,
      formula<T>(
        m: Elements<T>,
        { x, state: [state], h: [h] }: Blocks<T, "x" | "state" | "h">,
      ) {
        const open = x.slice(0, count).map(m.sigmoid);
        const reset = m.mul(open[0]!, state!);
        const candidate = m.tanh(m.add(x[count]!, reset));
        const next = moved(m, h!, open[update]!, candidate);
        return { next: [next], gates: [...open, candidate] };
      },
    },
    backward: {
      name: `${of}GatesGrad`,
      inputs: { gates: all, state: 1, h: 1, dNext: 1 },
      outputs: { dX: all, dY: count, dState: 1, dH: 1 },
      cost: 25,
      formula<T>(
        m: Elements<T>,
        { gates, state: [state], h: [h], dNext: [dNext] }: Blocks<
          T,
          "gates" | "state" | "h" | "dNext"
        >,
      ) {
        const { dTerm, dUpdate, dH } = gradientsOfMoved(
          ...[m, h!, gates[update]!, gates[count]!, dNext!] as const,
        );
        const dReset = m.mul(dTerm, state!);
        // One gate is both.
        const slopes = count === 1
          ? [m.add(dReset, dUpdate)]
          : [dReset, dUpdate];
        const dY = slopes.map((slope, k) =>
          throughSigmoid(m, gates[k]!, slope)
        );
        const dState = m.mul(dTerm, gates[0]!);
        return { dX: [...dY, dTerm], dY, dState: [dState], dH: [dH] };
      },
    },
    results: ["next"] as const,
  };
  return { reset, update: next, after };
}

/** By the number of gates. */
const OPERATIONS = { 1: operationsOf("Mgu", 1), 2: operationsOf("Gru", 2) };

/** The kernels. */
export const GRU_KERNELS: readonly GateKernel[] = Object.values(OPERATIONS)
  .flatMap(({ reset, update, after }) =>
    [reset, update, after].flatMap(({ forward, backward }): GateKernel[] => [
      forward,
      backward,
    ])
  );

/** What is known before the candidate. */
export interface GateTerms {
  /** The terms of the input: of each gate, then of the candidate, `[batch, (gates + 1) hidden]`. */
  readonly x: tf.Tensor2D;
  /** The terms of the state in the gates, `[batch, gates hidden]`. */
  readonly y: tf.Tensor2D;
  /** The state before, `[batch, hidden]`. */
  readonly h: tf.Tensor2D;
}

/** The activation of the candidate; null for tanh, which is part of the kernels. */
export type CandidateActivation = ((x: tf.Tensor2D) => tf.Tensor2D) | null;

/**
 * The next state of a cell whose first gate comes before the product in the candidate,
 * by two kernels where there are any. With one gate, `r` and `z` are the same.
 *
 * ```text
 * r, z = σ(x + y)                       the gates' part of x
 * n    = activation(x + product(r h))   the candidate's part of x
 * h    ← h + z (n - h)
 * ```
 *
 * @param terms See {@linkcode GateTerms}.
 * @param product The term of the state in the candidate.
 * @param activation The activation.
 */
export function resetBefore(
  terms: GateTerms,
  product: (reset: tf.Tensor2D) => tf.Tensor2D,
  activation: CandidateActivation,
): tf.Tensor2D {
  const { h } = terms, { reset, update } = operations(terms);
  const composed = () => {
    const m = ofTensors(activation ?? tf.tanh);
    const { reset: [open], gates } = reset.forward.formula(m, blocksOf(terms));
    const state = [product(open!)];
    return update.forward.formula(m, { gates, state, h: [h] }).next[0]!;
  };
  return activation ? composed() : oneKernel(reset.forward.name, () => {
    const { reset: open, gates } = runGates(reset, { ...terms });
    return runGates(update, { gates, state: product(open), h }).next;
  }, composed);
}

/**
 * The next state of a cell whose first gate comes after the product in the candidate, by
 * one kernel where there is one. With one gate, `r` and `z` are the same.
 *
 * ```text
 * r, z = σ(x + y)                    the gates' part of x
 * n    = activation(x + r state)     the candidate's part of x
 * h    ← h + z (n - h)
 * ```
 *
 * @param terms See {@linkcode GateTerms}.
 * @param state The term of the state in the candidate, `[batch, hidden]`.
 * @param activation The activation.
 */
export function resetAfter(
  terms: GateTerms,
  state: tf.Tensor2D,
  activation: CandidateActivation,
): tf.Tensor2D {
  const { after } = operations(terms);
  const composed = () => {
    const m = ofTensors(activation ?? tf.tanh);
    const blocks = { ...blocksOf(terms), state: [state] };
    return after.forward.formula(m, blocks).next[0]!;
  };
  return activation ? composed() : oneKernel(
    after.forward.name,
    () => runGates(after, { ...terms, state }).next,
    composed,
  );
}

function operations({ y, h }: GateTerms) {
  return OPERATIONS[y.shape[1] === h.shape[1] ? 1 : 2];
}

/** The blocks of `x + y`, and of `h`. */
function blocksOf({ x, y, h }: GateTerms): Blocks<tf.Tensor2D, "x" | "h"> {
  const [gates, hidden] = [y.shape[1], h.shape[1]];
  const [ofGates, ofCandidate] = tf.split<tf.Tensor2D>(x, [gates, hidden], 1);
  const sum = tf.add<tf.Tensor2D>(ofGates!, y);
  const open = gates === hidden
    ? [sum]
    : tf.split<tf.Tensor2D>(sum, gates / hidden, 1);
  return { x: [...open, ofCandidate!], h: [h] };
}
