/**
 * `matMul` against tfjs' own kernel, one thread each; then ours with two threads.
 *
 *     deno bench -A bench/matmul_bench.ts
 */
import * as tf from "@tensorflow/tfjs-core";
import { start, versus } from "./_stock.ts";

const threads = Number(Deno.env.get("BRAINTAPE_BENCH_THREADS") ?? 1);
await start(threads);

const square = (n: number) =>
  [0, 1, 2].map(() => tf.randomNormal([n, n])) as [
    tf.Tensor2D,
    tf.Tensor2D,
    tf.Tensor2D,
  ];

for (const n of [256, 512]) {
  const [a, b, dy] = square(n);
  const gradient = tf.grads((a: tf.Tensor, b: tf.Tensor) => tf.matMul(a, b));
  versus(`matMul ${n}`, () => tf.matMul(a, b));
  versus(`gradients of matMul ${n}`, () => {
    tf.matMul(dy, b, false, true);
    tf.matMul(a, dy, true, false);
  });
  versus(
    `matMul ${n} and its gradients through the tape`,
    () => gradient([a, b], dy),
  );
}

const q = tf.randomNormal([12, 4, 64, 32]),
  p = tf.randomNormal([12, 4, 64, 64]);
versus(
  "attention: [12, 4, 64, 32] by its transpose",
  () => tf.matMul(q, q, false, true),
);
versus("attention: [12, 4, 64, 64] by [12, 4, 64, 32]", () => tf.matMul(p, q));

const x = tf.randomNormal([32, 784]),
  w = tf.randomNormal([784, 256]),
  dx = tf.randomNormal([32, 256]);
versus("a layer: [32, 784] by [784, 256]", () => tf.matMul(x, w));
versus("its weight's gradient", () => tf.matMul(x, dx, true, false));
versus("its input's gradient", () => tf.matMul(dx, w, false, true));
const row = tf.randomNormal([1, 1024]), table = tf.randomNormal([1024, 1024]);
versus("one row: [1, 1024] by [1024, 1024]", () => tf.matMul(row, table));

// Two threads against one need a process of their own: memory is shared or not from the start.
if (threads === 1) {
  const child = (threads: number) => `
    import * as tf from "@tensorflow/tfjs-core";
    import { useBackend } from "${new URL(
    "../backend/mod.ts",
    import.meta.url,
  )}";
    await useBackend("wasm", { threads: ${threads} });
    const a = tf.randomNormal([512, 512]), b = tf.randomNormal([512, 512]);
    const reader = Deno.stdin.readable.getReader();
    for (;;) {
      if ((await reader.read()).done) break;
      for (let i = 0; i < 20; i++) tf.matMul(a, b).dispose();
      await Deno.stdout.write(new Uint8Array(1));
    }`;
  for (const count of [1, 2]) {
    const process = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--ext=ts", child(count)],
      cwd: new URL("..", import.meta.url),
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const writer = process.stdin.getWriter(),
      reader = process.stdout.getReader();
    const once = async () => {
      await writer.write(new Uint8Array(1));
      await reader.read();
    };
    await once();
    Deno.bench(`${count} threads`, {
      group: "20 times matMul 512",
      baseline: count === 1,
    }, once);
  }
}
