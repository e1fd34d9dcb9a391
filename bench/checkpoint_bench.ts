/**
 * A checkpoint of 100 million parameters, beside a plain `Deno.writeFile` of the
 * same number of bytes. Each benchmark also prints its MB/s, and by how much the
 * memory of the process grew at most.
 *
 * `deno bench -A bench/checkpoint_bench.ts`
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../backend/mod.ts";
import { loadCheckpoint, saveCheckpoint } from "../checkpoint.ts";
import { scope } from "../memory.ts";
import { ParamState } from "../state.ts";

const PARAMETERS = Number(Deno.env.get("BRAINTAPE_BENCH_PARAMETERS") ?? 1e8);
const TENSORS = 25;
const BYTES = 4 * PARAMETERS;

await useBackend("wasm", { threads: 1 });
const model = Object.fromEntries(
  Array.from({ length: TENSORS }, (_, i) => [
    `layers.${i}.weight`,
    scope(() => new ParamState(tf.fill([PARAMETERS / TENSORS], i + 0.5))),
  ]),
);
const folder = await Deno.makeTempDir();
const path = `${folder}/model.ckpt`, plain = `${folder}/plain.bin`;
let buffer: Uint8Array<ArrayBuffer> | undefined;

/** Register `fn`, timed by itself; `prepare` is not. */
function measure(
  name: string,
  group: string,
  fn: () => Promise<unknown>,
  { baseline = false, prepare = () => {} } = {},
) {
  let first = true;
  Deno.bench({
    name,
    group,
    baseline,
    n: 3,
    warmup: 0,
    async fn(b) {
      prepare();
      const before = Deno.memoryUsage().rss;
      let peak = before;
      const watch = setInterval(() => {
        peak = Math.max(peak, Deno.memoryUsage().rss);
      }, 5);
      b.start();
      const start = performance.now();
      await fn();
      const seconds = (performance.now() - start) / 1000;
      b.end();
      clearInterval(watch);
      if (!first) return;
      first = false;
      const speed = BYTES / 1e6 / seconds;
      console.log(
        `${name}: ${speed.toFixed(0)} MB/s, ${
          ((peak - before) / 1e6).toFixed(0)
        } MB more memory at most`,
      );
    },
  });
}

const fill = () => {
  buffer ??= new Uint8Array(BYTES).fill(63);
};
const drop = () => {
  buffer = undefined;
};

measure("saveCheckpoint", "save", () => saveCheckpoint(path, { model }));
measure("Deno.writeFile", "save", () => Deno.writeFile(plain, buffer!), {
  baseline: true,
  prepare: fill,
});
measure("Deno.writeFile and sync", "save", async () => {
  await Deno.writeFile(plain, buffer!);
  using file = await Deno.open(plain, { write: true });
  await file.sync();
}, { prepare: fill });

measure("loadCheckpoint", "load", () => loadCheckpoint(path, { model }), {
  prepare: drop,
});
measure("Deno.readFile", "load", () => Deno.readFile(plain), {
  baseline: true,
});

globalThis.addEventListener("unload", () => {
  Deno.removeSync(folder, { recursive: true });
});
