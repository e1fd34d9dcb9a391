import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import {
  assertSameAsCpu,
  type Case,
  floats,
  guarded,
  kernel,
  random,
  tensor,
  useWasm,
  values,
} from "./_wasm.ts";

const SHAPES: [number[], number[][]][] = [
  [[], [[]]],
  [[1], [[], [0]]],
  [[7], [[0]]],
  [[5, 33], [[0], [1], [0, 1]]],
  [[70, 19], [[0], [1]]],
  [[3, 4, 5], [[0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2]]],
  [[2, 3, 4, 5], [[1], [0, 2], [1, 3], [0, 3], [1, 2]]],
  [[2, 1, 3, 2, 2, 3], [[1], [0, 2, 4], [3, 5], [0, 1, 2]]],
  [[2, 1, 3], [[0, 2]]],
];

Deno.test("sum, mean, max, min and prod over any axes are the cpu backend's", async () => {
  const cases = SHAPES.flatMap(([shape, choices]) =>
    choices.flatMap((axis) =>
      [false, true].flatMap((keepDims) =>
        ["Sum", "Mean", "Max", "Min", "Prod"].flatMap((name) =>
          (["float32", "int32", "bool"] as const).map((dtype): Case => [
            `${name} ${dtype}[${shape}] ${axis} ${keepDims}`,
            (next) => {
              const x = tf.cast(tensor(shape, next, -3, 3), dtype);
              return kernel(name, { x }, {
                axis,
                reductionIndices: axis,
                keepDims,
              });
            },
          ])
        )
      )
    )
  );
  await assertSameAsCpu(cases);
});

Deno.test("all and any over any axes are the cpu backend's", async () => {
  await assertSameAsCpu(
    SHAPES.flatMap(([shape, choices]) =>
      choices.flatMap((axis) =>
        ["All", "Any"].map((name): Case => [
          `${name} [${shape}] ${axis}`,
          (next) =>
            kernel(name, { x: tf.greater(tensor(shape, next), 0) }, {
              axis,
              keepDims: false,
            }),
        ])
      )
    ),
  );
});

Deno.test("the mean of a million values is right within a millionth", async () => {
  await useWasm();
  tf.tidy(() => {
    const tenth = Math.fround(0.1);
    assert(
      Math.abs(values(tf.mean(tf.fill([1_000_000], 0.1)))[0]! - tenth) < 1e-8,
    );
    assert(
      Math.abs(values(tf.sum(tf.fill([10_000_000], 0.1)))[0]! / 1e7 - tenth) <
        1e-8,
    );
    for (const mean of values(tf.mean(tf.fill([500_000, 2], 0.1), 0))) {
      assert(Math.abs(mean - tenth) < 1e-8);
    }
    const next = random(1), x = tensor([1_000_000], next, 0, 1);
    const want = values(x).reduce((sum, v) => sum + v, 0) / 1e6;
    assert(Math.abs(values(tf.mean(x))[0]! - want) < 1e-7);
  });
});

for (const threads of [1, 3]) {
  Deno.test(`sums of the columns of a large matrix are those of float64, rounded (threads: ${threads})`, async () => {
    await useWasm(threads);
    const rows = 301, columns = 2117;
    const x = floats(rows * columns, random(1)), sums = Array(columns).fill(0);
    x.forEach((value, i) => sums[i % columns] += value);
    guarded(() => {
      const sum = kernel("Sum", { x: tf.tensor(x, [rows, columns]) }, {
        axis: 0,
      });
      assertEquals(values(sum), sums.map(Math.fround));
    });
  });
}

Deno.test("reductions of nothing have their neutral value, not what was in memory", async () => {
  await useWasm();
  guarded(() => {
    const x = tf.zeros([0, 3]);
    assertEquals(values(tf.sum(x, 0)), [0, 0, 0]);
    assertEquals(values(tf.mean(x, 0)), [NaN, NaN, NaN]);
    assertEquals(values(tf.prod(x, 0)), [1, 1, 1]);
    assertEquals(values(tf.max(x, 0)), Array(3).fill(-Infinity));
    assertEquals(values(tf.min(x, 0)), Array(3).fill(Infinity));
    assertEquals(tf.sum(x, 1).shape, [0]);
    assertEquals(values(tf.sum(tf.zeros([3, 0]))), [0]);
  });
});

Deno.test("max, min and sum keep NaN wherever it is", async () => {
  await useWasm();
  guarded(() => {
    for (let at = 0; at < 6; at++) {
      const x = tf.tensor1d(
        Array.from({ length: 6 }, (_, i) => i === at ? NaN : i),
      );
      for (const y of [tf.max(x), tf.min(x), tf.sum(x), tf.prod(x)]) {
        assertEquals(values(y), [NaN]);
      }
      const column = tf.reshape(x, [6, 1]);
      assertEquals(values(tf.max(tf.concat([column, column], 1), 0)), [
        NaN,
        NaN,
      ]);
    }
  });
});

Deno.test("softmax is the cpu backend's for all lengths", async () => {
  const shapes = [[1], [3, 1], [2, 3], [4, 4], [3, 5], [2, 3, 7], [5, 33], [
    1,
    1,
    2,
    64,
  ], [0, 3]];
  await assertSameAsCpu(
    shapes.flatMap((shape): Case[] => [
      [`[${shape}]`, (next) => tf.softmax(tensor(shape, next, -5, 5))],
      [
        `large [${shape}]`,
        (next) => tf.softmax(tensor(shape, next, -500, 500)),
      ],
    ]),
    { tolerance: 1e-6 },
  );
});

Deno.test("softmax leaves out what is masked by -Infinity, and keeps NaN", async () => {
  await useWasm();
  guarded(() => {
    const x = tf.tensor2d([[0, -Infinity, 0, -Infinity, -1e9], [
      NaN,
      1,
      1,
      1,
      1,
    ]]);
    const y = values(tf.softmax(x));
    assertEquals(y.slice(0, 5), [0.5, 0, 0.5, 0, 0]);
    assert(y.slice(5).every(Number.isNaN));
  });
});

Deno.test({
  name: "reductions and softmax give the same bits with two threads",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const results: number[][][] = [];
    for (const threads of [1, 2]) {
      await useWasm(threads);
      tf.tidy(() => {
        const next = random(2), x = tensor([301, 40, 30], next);
        const all = [
          tf.sum(x, 0),
          tf.sum(x, 1),
          tf.sum(x, 2),
          tf.max(x, 1),
          tf.softmax(x),
        ];
        results.push(all.map(values));
      });
    }
    assertEquals(results[1], results[0]);
    await useWasm(1);
  },
});
