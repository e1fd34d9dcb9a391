import * as tf from "@tensorflow/tfjs-core";
import { engine } from "../../internal/engine.ts";
import { oneKernel, runKernel } from "../kernel.ts";

/** The state of an LSTM: its output, and its memory. */
export type LstmState = {
  /** `[batch, hidden]` */
  readonly h: tf.Tensor2D;
  /** `[batch, hidden]` */
  readonly c: tf.Tensor2D;
};

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
    "LstmGates",
    () => asKernel(x, y, c),
    () => composedGates(x, y, c, tf.tanh),
  );
}

function asKernel(x: tf.Tensor, y: tf.Tensor, c: tf.Tensor): LstmState {
  const inputs = { x, y, c };
  const [h, next] = engine().runKernelFunc({
    inputs,
    forwardFunc(_, save) {
      const [h, next, gates] = runKernel(
        "LstmGates",
        inputs,
      ) as unknown as tf.Tensor[];
      save([gates!, c, next!]);
      return [h!, next!];
    },
    backwardsFunc(dys, [gates, c, next]) {
      const [dh, dNext] = dys as unknown as tf.Tensor[];
      const [dGates, dc] = runKernel("LstmGatesGrad", {
        ...{ gates: gates!, c: c!, next: next! },
        ...{ dh: dh!, dNext: dNext! },
      }) as unknown as tf.Tensor[];
      return {
        x: () => dGates!,
        y: () => tf.clone(dGates!),
        c: () => dc!,
      };
    },
  }) as unknown as tf.Tensor2D[];
  return { h: h!, c: next! };
}

/** {@linkcode lstmGates} with another activation in place of tanh, of single ops. */
export function composedGates(
  x: tf.Tensor2D,
  y: tf.Tensor2D,
  c: tf.Tensor2D,
  activation: (x: tf.Tensor2D) => tf.Tensor2D,
): LstmState {
  const [i, g, f, o] = tf.split<tf.Tensor2D>(tf.add(x, y), 4, 1);
  const kept = tf.mul(tf.sigmoid(tf.add(f!, 1)), c);
  const written = tf.mul(tf.sigmoid(i!), activation(g!));
  const next = tf.add<tf.Tensor2D>(kept, written);
  return { h: tf.mul(tf.sigmoid(o!), activation(next)), c: next };
}
