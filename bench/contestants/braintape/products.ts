import { tf } from "../../../mod.ts";
import { F32x4, load } from "../../../backend/wasm/assembler/assembler.ts";
import {
  threadCount,
  wasmFunction,
} from "../../../backend/wasm/machine/functions.ts";
import { pointer } from "../../../backend/wasm/machine/registry.ts";
import { SUMS, TURNS } from "../../peak.ts";
import type { Task } from "../serve.ts";

/** Products and sums that wait for no memory. */
const peak = wasmFunction(
  "benchPeak",
  { addresses: ["at"], numbers: ["turns"] },
  (f, { at, turns }) => {
    const x = f.let(load(F32x4, at)), y = f.let(load(F32x4, at));
    const sums = Array.from({ length: SUMS }, (_, i) => f.let(x.add(i)));
    f.for(turns, 1, () => {
      for (const sum of sums) f.set(sum, f.madd(x, y, sum));
    });
    for (const sum of sums) f.store(at, sum.add(load(F32x4, at)));
  },
);

/**
 * `peak`; `matMul M N K TRANSPOSES [BATCH]`; or
 * `convolution forward|filter|input BATCH SIZE IN KERNEL OUT`.
 */
export function productTask(name: string): Task {
  const [kind, ...words] = name.split(" ");
  if (kind === "peak") return peakTask();
  return repeat(kind === "matMul" ? matMul(words) : convolution(words));
}

function peakTask(): Task {
  const at = pointer(tf.zeros([64 * threadCount()]));
  const parts = Array.from(
    { length: threadCount() },
    (_, i) => ({ at: at + 256 * i, turns: TURNS }),
  );
  return {
    run(count) {
      for (let i = 0; i < count; i++) peak.run(...parts);
    },
  };
}

/** A task that frees what each turn makes. */
function repeat(once: () => tf.Tensor): Task {
  return {
    run(count) {
      for (let i = 0; i < count; i++) once().dispose();
    },
  };
}

function matMul([m, n, k, transposes, batch]: readonly string[]) {
  const [M, N, K] = [Number(m), Number(n), Number(k)];
  const [left, right] = [...transposes!].map((letter) => letter === "T");
  const many = batch ? [Number(batch)] : [];
  const a = tf.randomNormal([...many, ...(left ? [K, M] : [M, K])]);
  const b = tf.randomNormal([...many, ...(right ? [N, K] : [K, N])]);
  return () => tf.matMul(a, b, left, right);
}

function convolution([what, ...sizes]: readonly string[]): () => tf.Tensor {
  const [batch, size, channels, kernel, outs] = sizes.map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const filterShape: [number, number, number, number] = [
    kernel,
    kernel,
    channels,
    outs,
  ];
  const x = tf.randomNormal<tf.Rank.R4>([batch, size, size, channels]);
  const filter = tf.randomNormal<tf.Rank.R4>(filterShape);
  if (what === "forward") return () => tf.conv2d(x, filter, 1, "same");
  const dy = tf.randomNormal([batch, size, size, outs]);
  const common = {
    strides: 1,
    pad: "same",
    dataFormat: "NHWC",
  };
  return what === "filter"
    ? () =>
      tf.engine().runKernel("Conv2DBackpropFilter", { x, dy }, {
        ...common,
        filterShape,
      })
    : () =>
      tf.engine().runKernel("Conv2DBackpropInput", { dy, filter }, {
        ...common,
        inputShape: x.shape,
      });
}
