/**
 * Ops that take or return arrays of tensors: mixed types, and arrays that are
 * changed in place afterwards.
 */
import { assertEquals } from "@std/assert";
import * as tf from "../../tf.ts";
import { registerGradients } from "../../autodiff/gradients/mod.ts";
import { numbers, onEachBackend } from "../_backends.ts";

registerGradients();

type Change = readonly [name: string, change: (list: tf.Tensor[]) => unknown];

const CHANGES: readonly Change[] = [
  ["reversed", (list) => list.reverse()],
  ["popped", (list) => list.pop()],
  ["emptied", (list) => list.length = 0],
  ["filled", (list) => list.fill(list[0]!)],
  ["extended", (list) => list.push(list[0]!)],
  ["shifted", (list) => list.push(list.shift()!)],
];

const SOURCES: Record<string, (x: tf.Tensor) => tf.Tensor[]> = {
  unstack: (x) => tf.unstack(tf.reshape(x, [3, 1])),
  "split in parts": (x) => tf.split(x, 3),
  "split by sizes": (x) => tf.split(x, [1, 1, 1]),
};

for (const [source, take] of Object.entries(SOURCES)) {
  onEachBackend(
    `the gradient of ${source} is right though its array is changed in place`,
    async () => {
      for (const [, change] of CHANGES) {
        const x = tf.tensor1d([3, 5, 7]);
        const gradient = tf.grad((x: tf.Tensor) => {
          const parts = take(x), [a, b, c] = parts as tf.Tensor[];
          change(parts);
          return tf.sum(
            tf.addN([tf.mul(a!, 1), tf.mul(b!, 10), tf.mul(c!, 100)]),
          );
        })(x);
        assertEquals(await numbers(gradient), [1, 10, 100]);
        tf.dispose([x, gradient]);
      }
    },
  );
}

const JOINS: Record<string, (list: tf.Tensor[]) => tf.Tensor> = {
  stack: (list) => tf.stack(list),
  concat: (list) => tf.concat(list),
  concat1d: (list) => tf.concat1d(list as tf.Tensor1D[]),
  addN: (list) => tf.addN(list),
};

for (const [name, join] of Object.entries(JOINS)) {
  onEachBackend(
    `the gradient of ${name} is right though its array is changed in place`,
    async () => {
      for (const [, change] of CHANGES) {
        const xs = [tf.tensor1d([3]), tf.tensor1d([5]), tf.tensor1d([7])];
        const before = tf.memory().numTensors;
        const grads = tf.grads((...xs: tf.Tensor[]) => {
          const list = [...xs], y = join(list);
          change(list);
          return tf.sum(tf.mul(y, y));
        })(xs);
        const want = name === "addN" ? [30, 30, 30] : [6, 10, 14];
        for (const [i, g] of grads.entries()) {
          assertEquals(await numbers(g), [want[i]!]);
        }
        tf.dispose(grads);
        assertEquals(tf.memory().numTensors, before);
        tf.dispose(xs);
      }
    },
  );
}

/** Ops of several tensors, with the values of [1, 0] and [2.5, -1], or [2, -1]. */
const MIXED: Record<
  string,
  readonly [
    run: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
    value: (a: number[], b: number[]) => number[],
  ]
> = {
  stack: [(a, b) => tf.stack([a, b]), (a, b) => [...a, ...b]],
  concat: [(a, b) => tf.concat([a, b]), (a, b) => [...a, ...b]],
  concat1d: [
    (a, b) => tf.concat1d([a as tf.Tensor1D, b as tf.Tensor1D]),
    (a, b) => [...a, ...b],
  ],
  addN: [(a, b) => tf.addN([a, b]), (a, b) => a.map((x, i) => x + b[i]!)],
  add: [(a, b) => tf.add(a, b), (a, b) => a.map((x, i) => x + b[i]!)],
  mul: [(a, b) => tf.mul(a, b), (a, b) => a.map((x, i) => x * b[i]!)],
  maximum: [
    (a, b) => tf.maximum(a, b),
    (a, b) => a.map((x, i) => Math.max(x, b[i]!)),
  ],
  squaredDifference: [
    (a, b) => tf.squaredDifference(a, b),
    (a, b) => a.map((x, i) => (x - b[i]!) ** 2),
  ],
  where: [
    (a, b) => tf.where(tf.tensor1d([true, false], "bool"), a, b),
    (a, b) => [a[0]!, b[1]!],
  ],
};

const TYPES = ["bool", "int32", "float32"] as const;

for (const [name, [run, value]] of Object.entries(MIXED)) {
  onEachBackend(`${name} of two types has the larger one`, async () => {
    const values = { bool: [1, 0], int32: [2, -1], float32: [2.5, -1.5] };
    for (const p of TYPES) {
      for (const q of TYPES) {
        if (p === "bool" && q === "bool") continue;
        const before = tf.memory().numTensors;
        const [a, b] = [tf.tensor1d(values[p], p), tf.tensor1d(values[q], q)];
        const y = tf.tidy(() => run(a, b));
        const larger = TYPES[Math.max(TYPES.indexOf(p), TYPES.indexOf(q))]!;
        assertEquals(y.dtype, larger, `${p} and ${q}`);
        assertEquals(await numbers(y), value(values[p], values[q]));
        tf.dispose([a, b, y]);
        assertEquals(tf.memory().numTensors, before);
      }
    }
  });
}

onEachBackend("concat of mixed types with an empty tensor", async () => {
  const [a, b] = [tf.tensor1d([], "int32"), tf.tensor1d([0.5])];
  for (const list of [[a, b], [b, a]]) {
    const y = tf.concat(list);
    assertEquals(y.dtype, "float32");
    assertEquals(await numbers(y), [0.5]);
    y.dispose();
  }
  tf.dispose([a, b]);
});

/** Ops with arrays of numbers as options, which the caller changes afterwards. */
const OPTIONS: Record<string, (x: tf.Tensor2D, list: number[]) => tf.Tensor> = {
  transpose: (x, list) => tf.transpose(x, list.splice(0, 2, 1, 0) && list),
  slice: (x, list) => tf.slice(x, list, [1, 2]),
  reverse: (x, list) => tf.reverse(x, list),
  sum: (x, list) => tf.sum(x, list),
  tile: (x, list) => tf.tile(x, (list.splice(0, 2, 2, 1), list)),
  pad: (x, list) => tf.pad(x, [list as [number, number], [1, 0]]),
};

for (const [name, run] of Object.entries(OPTIONS)) {
  onEachBackend(
    `the gradient of ${name} is right though its options are changed afterwards`,
    async () => {
      const x = tf.tensor2d([[1, 2, 3], [4, 5, 6]]);
      const gradient = async (isChanged: boolean) => {
        const g = tf.grad((x: tf.Tensor) => {
          const list = [0, 1], y = run(x as tf.Tensor2D, list);
          const weights = tf.reshape(tf.range(1, y.size + 1), y.shape);
          if (isChanged) list.reverse().fill(0);
          return tf.sum(tf.mul(y, weights));
        })(x);
        return await numbers(g);
      };
      assertEquals(await gradient(true), await gradient(false));
    },
  );
}
