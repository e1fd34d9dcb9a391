import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { oneKernel, runKernel } from "../../backend/kernel.ts";
import { lstmGates } from "../../backend/ops/lstm_gates.ts";
import { resetAfter, resetBefore } from "../../backend/ops/gru_gates.ts";
import { gelu } from "../../backend/ops/gelu.ts";
import { standardize } from "../../backend/ops/standardize.ts";
import "../../autodiff/mod.ts"; // registers gradients
import { useBackend } from "../../backend/mod.ts";
import { floats, guarded, random, tensor, useWasm, values } from "./_wasm.ts";

/** The normal distribution, from its density: Simpson's rule in float64. */
function normal(x: number): number {
  const n = 2000,
    h = x / n,
    density = (t: number) => Math.exp(-t * t / 2) / Math.sqrt(2 * Math.PI);
  let sum = density(0) + density(x);
  for (let i = 1; i < n; i++) sum += (i % 2 ? 4 : 2) * density(i * h);
  return 0.5 + sum * h / 3;
}

const exact = (x: number) => x * normal(x);
const approximate = (x: number) =>
  x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

for (
  const [name, reference, isApproximate] of [
    ["gelu", exact, false],
    ["gelu by tanh", approximate, true],
  ] as const
) {
  Deno.test(`${name} and its gradient follow float64`, async () => {
    await useWasm();
    guarded(() => {
      for (const n of [1, 3, 4, 101]) {
        const x = Array.from(
          { length: n },
          (_, i) => Math.fround((i - n / 2) * 10 / n),
        );
        const dy = tf.fill([n], 2), input = tf.tensor1d(x);
        const y = values(gelu(input, isApproximate));
        const dx = values(
          tf.grad((x: tf.Tensor) => gelu(x, isApproximate))(input, dy),
        );
        x.forEach((v, i) => {
          assertAlmostEquals(y[i]!, reference(v), 2e-6);
          const slope = (reference(v + 1e-5) - reference(v - 1e-5)) / 2e-5;
          assertAlmostEquals(dx[i]!, 2 * slope, 5e-6);
        });
      }
      assertEquals(values(gelu(tf.tensor1d([NaN]), isApproximate)), [NaN]);
    });
  });
}

Deno.test("standardize and its gradient are the composed ones", async () => {
  await useWasm();
  const composed = (x: tf.Tensor) => {
    const centered = tf.sub(x, tf.mean(x, -1, true));
    const variance = tf.mean(tf.square(centered), -1, true);
    return tf.div(centered, tf.sqrt(tf.add(variance, 1e-3)));
  };
  for (const shape of [[5, 1], [3, 2], [4, 7], [2, 3, 128], [0, 4]]) {
    guarded(() => {
      const next = random(shape.length), n = shape.reduce((p, q) => p * q, 1);
      const x = tf.tensor(floats(n, next, 2, 5), shape),
        dy = tensor(shape, next);
      const y = standardize(x, -1, 1e-3), want = composed(x);
      values(y).forEach((v, i) =>
        assertAlmostEquals(v, values(want)[i]!, 2e-5)
      );
      if (n === 0) return;
      const dx = values(
        tf.grad((x: tf.Tensor) => standardize(x, -1, 1e-3))(x, dy),
      );
      // Against central differences of the composed one, summed over dy.
      const at = Math.floor(next() * n), h = 1e-2;
      const loss = (step: number) => {
        const moved = x.dataSync().slice();
        moved[at]! += step;
        const y = values(composed(tf.tensor(moved, shape))), g = values(dy);
        return y.reduce((sum, v, i) => sum + v * g[i]!, 0);
      };
      assertAlmostEquals(dx[at]!, (loss(h) - loss(-h)) / (2 * h), 5e-3);
    });
  }
});

Deno.test("the gradient of softmax is (dy - sum dy y) y", async () => {
  await useWasm();
  guarded(() => {
    for (const shape of [[3, 1], [2, 5], [4, 8], [2, 3, 33]]) {
      const next = random(8),
        y = tf.softmax(tensor(shape, next)),
        dy = tensor(shape, next);
      const want = tf.mul(tf.sub(dy, tf.sum(tf.mul(dy, y), -1, true)), y);
      const error = tf.max(
        tf.abs(tf.sub(runKernel("SoftmaxGrad", { y, dy }), want)),
      )
        .dataSync()[0]!;
      assert(error < 1e-6);
    }
  });
});

Deno.test("a kernel of ours runs where the backend has it, and not under a second derivative", async () => {
  const which = () => oneKernel("Gelu", () => "kernel", () => "composed");
  await useBackend("cpu");
  assertEquals(which(), "composed");
  await useWasm();
  assertEquals(which(), "kernel");
  const nested: string[] = [];
  tf.tidy(() => {
    const inner = tf.grad((x: tf.Tensor) => {
      nested.push(which());
      return tf.square(x);
    });
    tf.grad((x: tf.Tensor) => tf.sum(inner(x)))(tf.scalar(1));
  });
  assertEquals(nested, ["composed"]);
});

for (const threads of [1, 2]) {
  Deno.test(`the gates of an LSTM are as their definition, and so is their gradient (threads: ${threads})`, async () => {
    await useBackend("wasm", { threads });
    guarded(() => {
      for (const [batch, hidden] of [[1, 1], [3, 5], [2, 8], [64, 130]]) {
        const next = random(11), cells = [batch!, hidden!];
        const xs = [[batch!, 4 * hidden!], [batch!, 4 * hidden!], cells]
          .map((shape) => tensor(shape, next)) as tf.Tensor2D[];
        const [dh, dc] = [tensor(cells, next), tensor(cells, next)];
        const loss =
          (gates: typeof lstmGates) => (...[x, y, c]: tf.Tensor[]) => {
            const state = gates(
              x as tf.Tensor2D,
              y as tf.Tensor2D,
              c as tf.Tensor2D,
            );
            return tf.add(
              tf.sum(tf.mul(state.h, dh)),
              tf.sum(tf.mul(state.c, dc)),
            );
          };
        const ours = tf.valueAndGrads(loss(lstmGates))(xs);
        const wanted = tf.valueAndGrads(loss(definition))(xs);
        for (const [i, grad] of ours.grads.entries()) {
          const error = tf.max(tf.abs(tf.sub(grad, wanted.grads[i]!)));
          assert(error.dataSync()[0]! < 2e-6);
        }
        const [h, c] = [lstmGates(...triple(xs)), definition(...triple(xs))]
          .map((state) => [...state.h.dataSync(), ...state.c.dataSync()]);
        assertEquals(h, c); // the same operations in the same order
      }
    });
  });
}

for (const threads of [1, 2]) {
  Deno.test(`the gates of GRU and MGU are as their definition, and so are their gradients (threads: ${threads})`, async () => {
    await useBackend("wasm", { threads });
    guarded(() => {
      const product = (x: tf.Tensor2D) => tf.mul<tf.Tensor2D>(x, 0.7);
      for (const [batch, hidden] of [[1, 1], [3, 5], [64, 130]]) {
        for (const [gates, isAfter] of [[1, 0], [1, 1], [2, 0], [2, 1]]) {
          const next = random(12), cells = [batch!, hidden!];
          const xs = [gates! + 1, gates!, 1]
            .map((width) => tensor([batch!, width * hidden!], next));
          const dh = tensor(cells, next);
          const run =
            (activation: typeof tf.tanh | null) => (...xs: tf.Tensor[]) => {
              const [x, y, h] = xs as tf.Tensor2D[];
              const terms = { x: x!, y: y!, h: h! };
              return isAfter
                ? resetAfter(terms, product(h!), activation)
                : resetBefore(terms, product, activation);
            };
          // With an activation it is composed of ops.
          const [ours, wanted] = [null, tf.tanh].map(run);
          const gradients = [ours!, wanted!].map((next) =>
            tf.grads((...xs: tf.Tensor[]) => tf.sum(tf.mul(next(...xs), dh)))(
              xs,
            )
          );
          for (const [i, grad] of gradients[0]!.entries()) {
            const error = tf.max(tf.abs(tf.sub(grad, gradients[1]![i]!)));
            assert(error.dataSync()[0]! < 2e-6);
          }
          const [a, b] = [ours!, wanted!].map((next) => next(...xs).dataSync());
          assertEquals(a, b); // the same operations in the same order
        }
      }
    });
  });
}

const triple = (xs: tf.Tensor2D[]) => [xs[0]!, xs[1]!, xs[2]!] as const;

/** The formulas of the long short-term memory. */
function definition(x: tf.Tensor2D, y: tf.Tensor2D, c: tf.Tensor2D) {
  const [i, g, f, o] = tf.split(tf.add(x, y), 4, 1);
  const memory = tf.add<tf.Tensor2D>(
    tf.mul(tf.sigmoid(tf.add(f!, 1)), c),
    tf.mul(tf.sigmoid(i!), tf.tanh(g!)),
  );
  const h = tf.mul<tf.Tensor2D>(tf.sigmoid(o!), tf.tanh(memory));
  return { h, c: memory };
}
