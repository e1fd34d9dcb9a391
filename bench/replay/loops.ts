/**
 * Loops: a plain loop of JavaScript, `forLoop`, and `forLoop` with a compiled body, in
 * interleaved rounds; then memory in thousands of iterations and in gradients.
 *
 * ```sh
 * deno run -A bench/replay/loops.ts
 * ```
 *
 * @module
 */
import {
  autodiff,
  forLoop,
  HiddenState,
  nn,
  ParamState,
  random,
  scope,
  tf,
  useBackend,
} from "../../mod.ts";

const { wasm } = await useBackend("wasm", { threads: 1 })
  .then(() => tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } });
const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);

console.log("microseconds an iteration, the least of 10 rounds");
for (const [size, batch] of [[8, 4], [64, 32]] as const) {
  for (const length of [50, 200, 1000]) {
    random.seed(1);
    const cell = new nn.GRUCell(size, size);
    cell.initState(batch);
    const xs: tf.Tensor3D = random.normal([length, batch, size]);
    const ways = {
      "plain loop": () =>
        tf.tidy(() =>
          tf.stack(tf.unstack(xs).map((x) => cell.call(x as tf.Tensor2D)))
        ),
      forLoop: () => forLoop((x) => cell.call(x), xs, { compile: false }),
      "forLoop, compiled": () => forLoop((x) => cell.call(x), xs),
    };
    const least: Record<string, number> = {};
    for (let round = 0; round < 10; round++) {
      for (const [name, run] of Object.entries(ways)) {
        const start = performance.now();
        run().dispose();
        const time = (performance.now() - start) * 1000 / length;
        least[name] = Math.min(least[name] ?? Infinity, time);
      }
    }
    const shown = Object.entries(least).map(([name, time]) =>
      `${name} ${time.toFixed(1)}`
    );
    console.log(
      `GRU ${size}, batch ${batch}, ${length} iterations: ${shown.join(", ")}`,
    );
  }
}

console.log("\nmemory of the module after loops of a compiled body");
const h = scope(() => new HiddenState(tf.zeros([4, 8])));
const w = scope(() => new ParamState<tf.Tensor2D>(random.normal([8, 8])));
for (const length of [1000, 10_000, 100_000]) {
  const before = tf.memory().numTensors;
  forLoop(
    () => {
      h.value = tf.tanh(tf.matMul(h.value as tf.Tensor2D, w.value));
    },
    undefined,
    { length },
  );
  console.log(
    `${length} iterations: ${megabytes(wasm.HEAPU8.length)} MB, ` +
      `${tf.memory().numTensors - before} tensors more`,
  );
}

console.log(
  "\nbytes that the forward pass of a gradient keeps, GRU 64, batch 32",
);
const cell = new nn.GRUCell(64, 64);
cell.initState(32);
const states = cell.states(ParamState);
for (const length of [64, 256]) {
  const xs: tf.Tensor3D = random.normal([length, 32, 64]);
  for (const recompute of [false, true]) {
    let kept = 0;
    const before = tf.memory().numBytes;
    const gradient = autodiff.grad((xs: tf.Tensor3D) => {
      const ys = forLoop((x) => cell.call(x), xs, { recompute });
      kept = tf.memory().numBytes - before;
      return tf.mean<tf.Scalar>(tf.square(ys));
    }, { states });
    const start = performance.now();
    tf.dispose(gradient(xs));
    const time = performance.now() - start;
    console.log(
      `${length} iterations${recompute ? ", recompute" : ""}: ` +
        `${megabytes(kept)} MB, ${time.toFixed(0)} ms`,
    );
  }
  xs.dispose();
}
