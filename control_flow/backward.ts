/**
 * The backward pass of a loop whose iterations are run again.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { differentiate } from "../autodiff/differentiate.ts";
import { setDisposed } from "../internal/engine.ts";
import { frames } from "../internal/frames.ts";
import type { State } from "../state.ts";
import { GradientSums } from "./gradient_sums.ts";
import { type KeptLoop, refuseOther, Slot } from "./kept.ts";

/**
 * The gradients in all tensors that a loop began with.
 *
 * @param loop The loop.
 * @param dys The gradients in its outputs, then in the states that it wrote.
 * @param saved The tensors that were kept.
 */
export function backward(
  { fn, iterations, used: allUsed, outputs, ends }: KeptLoop,
  dys: readonly tf.Tensor[],
  saved: readonly tf.Tensor[],
): GradientSums {
  const { from, tensors, written } = ends;
  const at = (x: unknown) => x instanceof Slot ? saved[x.index]! : x;
  const sums = new GradientSums();
  const isWritten = new Set(written);
  // What was disposed since the forward pass is needed again. Tensors share their data
  // with the copies; states are lent the values that they had.
  const asleep = [...allUsed.keys()].filter((x) => x.isDisposed);
  const gone = [...from.keys()].filter((state) => (state as State).isDisposed);
  for (const x of asleep) setDisposed(x, false);
  for (const state of gone) frames.setDisposed(state, false);
  try {
    outputs.forEach((y, i) => isFloat(y) && sums.add(y, dys[i]!));
    written.forEach((state, i) => {
      if (!isFloat(tensors.get(state))) return;
      sums.add(state, dys[outputs.length + i]!);
    });
    for (const one of iterations.toReversed()) {
      tf.tidy(() => {
        const dResults = one.results.map((y) => sums.take(y));
        const dStates = new Map(
          written.map((state) => [state, sums.take(state)]),
        );
        const begin = new Map<object, unknown>();
        for (const [state, value] of [...from, ...one.from]) {
          begin.set(state, at(value));
        }
        const args = one.saved.map(at);
        const argnums = args.flatMap((x, i) => isFloat(x) ? [i] : []);
        const used = [...one.used].filter(isFloat);
        const leaves = [...begin].filter(([, value]) => isFloat(value));
        const outcome = differentiate({
          fn: (...again) =>
            weighted(
              () => fn(...again as tf.Tensor[]),
              dResults,
              dStates,
              begin,
            ),
          args,
          argnums,
          states: new Map(leaves.map(([state]) => [state as State, ""])),
          captured: used,
          hasAux: false,
          checkStates: false,
          scalar: true,
          from: begin,
        });
        argnums.forEach((i, k) => sums.add(one.args[i]!, outcome.args[k]!));
        used.forEach((x, k) => sums.addIfAny(x, outcome.captured[k]));
        for (const [state, gradient] of outcome.states) {
          sums.add(
            isWritten.has(state) ? state : tensors.get(state)!,
            gradient,
          );
        }
      });
    }
    for (const state of written) {
      sums.addIfAny(tensors.get(state)!, sums.take(state));
    }
    return sums.adopt();
  } catch (error) {
    sums.dispose();
    throw error;
  } finally {
    for (const x of asleep) setDisposed(x, true);
    for (const state of gone) frames.setDisposed(state, true);
  }
}

/**
 * Run an iteration again. The gradient of what it returns is that of all results and
 * states, with their gradients in the loop's value.
 */
function weighted(
  again: () => readonly tf.Tensor[],
  dResults: readonly (tf.Tensor | undefined)[],
  dStates: ReadonlyMap<object, tf.Tensor | undefined>,
  begin: ReadonlyMap<object, unknown>,
): tf.Scalar {
  const results = again();
  for (const state of frames.open.at(-1)!.reads) {
    if (!begin.has(state)) refuseOther(state);
  }
  const terms: tf.Tensor[] = [tf.scalar(0)];
  results.forEach((y, i) => {
    const dy = dResults[i];
    if (dy) terms.push(tf.sum(tf.mul(y, dy)));
  });
  for (const [state, dy] of dStates) {
    if (dy) terms.push(tf.sum(tf.mul(frames.peek(state) as tf.Tensor, dy)));
  }
  return tf.addN(terms) as tf.Scalar;
}

function isFloat(x: unknown): x is tf.Tensor {
  return x instanceof tf.Tensor && x.dtype === "float32";
}
