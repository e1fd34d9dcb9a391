/** The gates of an LSTM, on every backend, against float64. */
import { assert } from "@std/assert";
import { lstmGates } from "../../backend/ops/lstm_gates.ts";
import { tf } from "../../mod.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import { noise } from "./_float64.ts";

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** `[h, c]` of a batch, as `backend/ops/lstm_gates.ts` has the formulas. */
function reference(
  [x, y, c]: readonly Float64Array[],
  hidden: number,
): [h: Float64Array, c: Float64Array] {
  const h = new Float64Array(c!.length), next = new Float64Array(c!.length);
  for (let at = 0; at < c!.length; at++) {
    const first = at + 3 * hidden * Math.floor(at / hidden);
    const [i, g, f, o] = [0, 1, 2, 3].map((k) =>
      x![first + k * hidden]! + y![first + k * hidden]!
    );
    next[at] = sigmoid(f! + 1) * c![at]! + sigmoid(i!) * Math.tanh(g!);
    h[at] = sigmoid(o!) * Math.tanh(next[at]!);
  }
  return [h, next];
}

function assertNear(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  error: number,
) {
  for (let i = 0; i < expected.length; i++) {
    const off = Math.abs(actual[i]! - expected[i]!);
    assert(off < error, `${actual[i]} instead of ${expected[i]} at ${i}`);
  }
}

onEachBackend("LSTM gates and their gradients equal float64", async () => {
  for (const [batch, hidden] of [[1, 1], [3, 5], [2, 65], [17, 128]] as const) {
    const size = batch * hidden;
    const values = [noise(4 * size, 1, 3), noise(4 * size, 2), noise(size, 3)];
    const [dh, dc] = [noise(size, 4), noise(size, 5)];
    const shapes = [[batch, 4 * hidden], [batch, 4 * hidden], [batch, hidden]];
    await assertNoLeak(async () => {
      const inputs = values.map((x, i) =>
        tf.tensor(Float32Array.from(x), shapes[i]!)
      );
      const slopes = [dh, dc].map((d) =>
        tf.tensor(Float32Array.from(d), [batch, hidden])
      );
      const run = (...args: tf.Tensor[]) => {
        const [x, y, c] = args as tf.Tensor2D[];
        return lstmGates(x!, y!, c!);
      };
      const { h, c } = tf.tidy(() =>
        run(...inputs) as { h: tf.Tensor; c: tf.Tensor }
      );
      const wanted = reference(values, hidden);
      assertNear(await h.data(), wanted[0], 1e-6);
      assertNear(await c.data(), wanted[1], 2e-6);
      const loss = (...args: tf.Tensor[]) => {
        const { h, c } = run(...args);
        return tf.add(
          tf.sum(tf.mul(h, slopes[0]!)),
          tf.sum(tf.mul(c, slopes[1]!)),
        );
      };
      const gradients = tf.tidy(() => tf.grads(loss)(inputs));
      const lossOf = (values: readonly Float64Array[]) => {
        const [h, c] = reference(values, hidden);
        return h.reduce((s, v, i) => s + v * dh[i]! + c[i]! * dc[i]!, 0);
      };
      for (const [k, gradient] of gradients.entries()) {
        const actual = await gradient.data();
        for (
          let at = 0;
          at < values[k]!.length;
          at += Math.ceil(values[k]!.length / 20)
        ) {
          const moved = (by: number) =>
            lossOf(
              values.map((x, i) =>
                i === k ? x.map((v, j) => j === at ? v + by : v) : x
              ),
            );
          const slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
          assertNear([actual[at]!], [slope], 2e-6);
        }
      }
      tf.dispose([inputs, slopes, h, c, gradients]);
    });
  }
});

onEachBackend("LSTM gates of no rows are of no rows", () => {
  const x = tf.zeros<tf.Rank.R2>([0, 8]), c = tf.zeros<tf.Rank.R2>([0, 2]);
  const { h } = lstmGates(x, x, c);
  assert(h.shape[0] === 0 && h.shape[1] === 2);
});
