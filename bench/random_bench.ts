/**
 * Random numbers and dropout masks against tfjs' own, a million at a time.
 *
 *     deno bench -A bench/random_bench.ts
 *
 * tfjs draws from seedrandom, one number a call; ours are Philox in SIMD registers.
 * `Math.random` cannot be seeded, and is here for scale.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { environ, nn, random, useBackend } from "../mod.ts";
import { philox, philoxScalar } from "../random/philox.ts";

await useBackend("wasm");
const N = 1_000_000;
const shape: [number] = [N];

const draws = {
  uniform: {
    ours: () => random.uniform(shape),
    tfjs: () => tf.randomUniform(shape, 0, 1, "float32", 1),
  },
  normal: {
    ours: () => random.normal(shape),
    tfjs: () => tf.randomNormal(shape, 0, 1, "float32", 1),
  },
  "truncated normal": {
    ours: () => random.truncatedNormal(shape),
    tfjs: () => tf.truncatedNormal(shape, 0, 1, "float32", 1),
  },
};
for (const [group, { ours, tfjs }] of Object.entries(draws)) {
  Deno.bench("ours", { group, baseline: true }, () => ours().dispose());
  Deno.bench("tfjs", { group }, () => tfjs().dispose());
}

const x = tf.ones(shape);
const layer = new nn.Dropout({ rate: 0.1 });
Deno.bench("ours", { group: "dropout", baseline: true }, () => {
  environ.context({ fit: true }, () => layer.call(x)).dispose();
});
Deno.bench(
  "tfjs",
  { group: "dropout" },
  () => tf.dropout(x, 0.1, undefined, 1).dispose(),
);

const place = { key: [1, 2], offset: 0 } as const;
const group = "words";
Deno.bench(
  "Philox, SIMD",
  { group, baseline: true },
  () => void philox(place, 0, N),
);
Deno.bench(
  "Philox, JavaScript",
  { group },
  () => void philoxScalar(place, 0, N),
);
Deno.bench("Math.random", { group }, () => {
  const words = new Float64Array(N);
  for (let i = 0; i < N; i++) words[i] = Math.random();
});
