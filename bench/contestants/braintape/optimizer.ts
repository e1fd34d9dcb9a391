import { optim, ParamState, scope, tf } from "../../../mod.ts";
import { F32x4, load } from "../../../backend/wasm/assembler/assembler.ts";
import { wasmFunction } from "../../../backend/wasm/machine/functions.ts";
import { pointer } from "../../../backend/wasm/machine/registry.ts";
import type { Task } from "../serve.ts";

/** Reads four arrays and writes three, as Adam does, with one addition. */
const stream = wasmFunction(
  "benchStream",
  { addresses: ["w", "g", "m", "v"], numbers: ["bytes"] },
  (f, { w, g, m, v, bytes }) => {
    f.for(bytes, 16, (i) => {
      const weight = f.let(load(F32x4, w.add(i)));
      const gradient = f.let(load(F32x4, g.add(i)));
      const first = f.let(load(F32x4, m.add(i)));
      const second = f.let(load(F32x4, v.add(i)));
      f.store(w.add(i), weight.add(gradient));
      f.store(m.add(i), second);
      f.store(v.add(i), first);
    });
  },
);

/**
 * `optimizer CLASS COUNT SIZE`: a step of so many parameters; or `stream COUNT SIZE`:
 * their memory read and written only.
 */
export function optimizerTask(name: string): Task {
  const words = name.split(" ");
  if (words[0] === "stream") return streamTask(Number(words[2]));
  const [, kind, count, size] = words;
  const Kind = optim[kind as "AdamW"];
  const paths = Array.from({ length: Number(count) }, (_, i) => `w${i}`);
  const shape = [Number(size)];
  const states = Object.fromEntries(
    paths.map((w) => [w, scope(() => new ParamState(tf.ones(shape)))]),
  );
  const grads = Object.fromEntries(paths.map((w) => [w, tf.fill(shape, 0.5)]));
  const optimizer = new Kind({ lr: 1e-3 }).registerTrainableWeights(states);
  return {
    run(count) {
      for (let i = 0; i < count; i++) optimizer.step(grads, { keep: true });
    },
  };
}

function streamTask(size: number): Task {
  const [w, g, m, v] = Array.from(
    { length: 4 },
    () => pointer(tf.zeros([size])),
  );
  return {
    run(count) {
      for (let i = 0; i < count; i++) {
        stream.ranges(size, size, (first, end) => ({
          w: w! + 4 * first,
          g: g! + 4 * first,
          m: m! + 4 * first,
          v: v! + 4 * first,
          bytes: 4 * (end - first),
        }), 4);
      }
    },
  };
}
