/** Integers past 2^24, which float32 does not hold; indices that are outside. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "../../tf.ts";
import { registerGradients } from "../../autodiff/gradients/mod.ts";
import { numbers, onEachBackend } from "../_backends.ts";

registerGradients();

/** Enough that tfjs' WebGPU backend computes them on the device. */
const N = 1200, COLUMNS = 40, ROWS = N / COLUMNS;
const FIRST = 2 ** 24 + 1;
const BIG = Array.from(
  { length: N },
  (_, i) => (i % 2 ? -1 : 1) * (FIRST + 2 * i),
);

const int = (x: number) => x | 0;
const scalar = (x: number) => tf.scalar(x, "int32");
const column = (j: number) => BIG.filter((_, i) => i % COLUMNS === j);
const row = (i: number) => BIG.slice(i * COLUMNS, (i + 1) * COLUMNS);
const mod = (a: number, b: number) => ((a % b) + b) % b;
const sum = (list: number[]) => list.reduce((a, b) => int(a + b), 0);
const ids = Array.from({ length: N }, (_, i) => i % 3);

/** Ops of the integers as a vector and as a matrix, with their values. */
const OPS: Record<
  string,
  readonly [(x: tf.Tensor1D, m: tf.Tensor2D) => tf.Tensor, number[]]
> = {
  add: [(x) => tf.add(x, scalar(1)), BIG.map((v) => v + 1)],
  sub: [(x) => tf.sub(x, scalar(1)), BIG.map((v) => v - 1)],
  mul: [(x) => tf.mul(x, scalar(3)), BIG.map((v) => Math.imul(v, 3))],
  floorDiv: [
    (x) => tf.floorDiv(x, scalar(3)),
    BIG.map((v) => Math.floor(v / 3)),
  ],
  mod: [(x) => tf.mod(x, scalar(7)), BIG.map((v) => mod(v, 7))],
  maximum: [(x) => tf.maximum(x, scalar(0)), BIG.map((v) => Math.max(v, 0))],
  minimum: [(x) => tf.minimum(x, scalar(0)), BIG.map((v) => Math.min(v, 0))],
  squaredDifference: [
    (x) => tf.squaredDifference(x, tf.add(x, scalar(3))),
    BIG.map(() => 9),
  ],
  equal: [(x) => tf.equal(x, tf.add(x, scalar(1))), BIG.map(() => 0)],
  less: [(x) => tf.less(x, tf.add(x, scalar(1))), BIG.map(() => 1)],
  neg: [(x) => tf.neg(x), BIG.map((v) => -v)],
  abs: [(x) => tf.abs(x), BIG.map(Math.abs)],
  square: [(x) => tf.square(x), BIG.map((v) => Math.imul(v, v))],
  relu: [(x) => tf.relu(x), BIG.map((v) => Math.max(v, 0))],
  clipByValue: [
    (x) => tf.clipByValue(x, -FIRST - 9, FIRST + 10),
    BIG.map((v) => Math.min(Math.max(v, -FIRST - 9), FIRST + 10)),
  ],
  slice: [(x) => tf.slice(x, [3], [1100]), BIG.slice(3, 1103)],
  concat: [(x) => tf.concat([x, x]), [...BIG, ...BIG]],
  stack: [(x) => tf.stack([x, x]), [...BIG, ...BIG]],
  transpose: [
    (_, m) => tf.transpose(m),
    Array.from({ length: COLUMNS }, (_, j) => column(j)).flat(),
  ],
  reverse: [(x) => tf.reverse(x), BIG.toReversed()],
  pad: [(x) => tf.pad(x, [[1, 2]], FIRST), [FIRST, ...BIG, FIRST, FIRST]],
  tile: [(x) => tf.tile(x, [2]), [...BIG, ...BIG]],
  gather: [
    (x) => tf.gather(x, tf.tensor1d([5, 7], "int32")),
    [BIG[5]!, BIG[7]!],
  ],
  gatherND: [
    (x) => tf.gatherND(x, tf.tensor2d([[5], [7]], [2, 1], "int32")),
    [BIG[5]!, BIG[7]!],
  ],
  where: [
    (x) => tf.where(tf.greater(x, scalar(0)), x, tf.neg(x)),
    BIG.map(Math.abs),
  ],
  split: [(x) => tf.split(x, 2)[1]!, BIG.slice(N / 2)],
  unstack: [(_, m) => tf.unstack(m)[3]!, row(3)],
  fill: [() => tf.fill([N], FIRST, "int32"), BIG.map(() => FIRST)],
  sum: [(x) => tf.sum(x), [sum(BIG)]],
  "sum of columns": [
    (_, m) => tf.sum(m, 0),
    Array.from({ length: COLUMNS }, (_, j) => sum(column(j))),
  ],
  "sum of rows": [
    (_, m) => tf.sum(m, 1),
    Array.from({ length: ROWS }, (_, i) => sum(row(i))),
  ],
  max: [(x) => tf.max(x), [Math.max(...BIG)]],
  min: [
    (_, m) => tf.min(m, 1),
    Array.from({ length: ROWS }, (_, i) => Math.min(...row(i))),
  ],
  argMax: [(x) => tf.argMax(x), [BIG.indexOf(Math.max(...BIG))]],
  argMin: [
    (_, m) => tf.argMin(m, 1),
    Array.from(
      { length: ROWS },
      (_, i) => row(i).indexOf(Math.min(...row(i))),
    ),
  ],
  cumsum: [(x) => tf.cumsum(x), BIG.map((_, i) => sum(BIG.slice(0, i + 1)))],
  unsortedSegmentSum: [
    (x) => tf.unsortedSegmentSum(x, tf.tensor1d(ids, "int32"), 3),
    [0, 1, 2].map((id) => sum(BIG.filter((_, i) => ids[i] === id))),
  ],
  matMul: [
    (x) => tf.matMul(tf.reshape(x, [1, N]), tf.ones([N, 1], "int32")),
    [sum(BIG)],
  ],
  addN: [(x) => tf.addN([x, x]), BIG.map((v) => 2 * v)],
  sparseToDense: [
    () =>
      tf.sparseToDense(
        tf.tensor1d([1, 2], "int32"),
        tf.tensor1d([FIRST, FIRST + 2], "int32"),
        [4],
        scalar(FIRST + 4),
      ),
    [FIRST + 4, FIRST, FIRST + 2, FIRST + 4],
  ],
  scatterND: [
    () =>
      tf.scatterND(
        tf.tensor2d([[1], [2]], [2, 1], "int32"),
        tf.tensor1d([FIRST, FIRST + 2], "int32"),
        [4],
      ),
    [0, FIRST, FIRST + 2, 0],
  ],
  tensorScatterUpdate: [
    (x) =>
      tf.tensorScatterUpdate(
        x,
        tf.tensor2d([[0]], [1, 1], "int32"),
        tf.tensor1d([FIRST + 4], "int32"),
      ),
    [FIRST + 4, ...BIG.slice(1)],
  ],
};

for (const [name, [run, want]] of Object.entries(OPS)) {
  onEachBackend(`${name} of integers past 2^24 is exact`, async () => {
    const y = tf.tidy(() => {
      const x = tf.tensor1d(BIG, "int32");
      return run(x, tf.reshape(x, [ROWS, COLUMNS]));
    });
    assertEquals(await numbers(y), want);
    y.dispose();
  });
}

onEachBackend("sums and means of many floats keep no rounding", async () => {
  for (const shape of [[10_000_000], [3, 100_003], [100_003, 2]]) {
    const n = Math.max(...shape), axis = shape.indexOf(n);
    const x = tf.fill(shape, 0.1);
    const sums = await numbers(tf.sum(x, axis));
    const means = await numbers(tf.mean(x, axis));
    for (const sum of sums) {
      const want = n * Math.fround(0.1);
      assert(Math.abs(sum - want) < 2e-6 * want, `${sum} of ${n}`);
    }
    for (const mean of means) assert(Math.abs(mean - 0.1) < 2e-7, `${mean}`);
    assertEquals(tf.sum(x, axis, true).shape, shape.with(axis, 1));
    x.dispose();
  }
});

type Outside = readonly [
  name: string,
  run: (x: tf.Tensor1D, id: number) => tf.Tensor,
];

const list = (id: number) => tf.tensor2d([[id], [2]], [2, 1], "int32");

const READS: readonly Outside[] = [
  ["gather", (x, id) => tf.gather(x, tf.tensor1d([id, 2], "int32"))],
  ["gatherND", (x, id) => tf.gatherND(x, list(id))],
];
const WRITES: readonly Outside[] = [
  [
    "scatterND",
    (x, id) => tf.scatterND(list(id), tf.tensor1d([7, 8]), [x.size]),
  ],
  [
    "tensorScatterUpdate",
    (x, id) => tf.tensorScatterUpdate(x, list(id), tf.tensor1d([7, 8])),
  ],
  ["sparseToDense", (x, id) =>
    tf.sparseToDense(
      tf.tensor1d([id, 2].sort((a, b) => a - b), "int32"),
      tf.tensor1d([7, 8]),
      [x.size],
      0,
    )],
];

for (const size of [10, 2000]) {
  onEachBackend(
    `an index outside of ${size} elements throws, or reads NaN on WebGPU`,
    async (backend) => {
      const x = tf.tensor1d(Array.from({ length: size }, (_, i) => i + 1));
      for (const id of [-1, size]) {
        const rule = `must be in [0, ${size}): current value is ${id}`;
        for (const [name, run] of WRITES) {
          assertThrows(() => run(x, id), RangeError, rule, name);
        }
        for (const [name, run] of READS) {
          if (backend === "webgpu") {
            assertEquals(await numbers(run(x, id)), [NaN, 3], name);
          } else assertThrows(() => run(x, id), RangeError, rule, name);
        }
      }
      for (const [name, run] of READS) {
        assertEquals(await numbers(run(x, 1)), [2, 3], name);
      }
      x.dispose();
    },
  );
}

onEachBackend("segments leave out ids that no segment has", async () => {
  const ids = tf.tensor1d([2, -1, 3, 0, 2, 7], "int32");
  for (const dtype of ["float32", "int32"] as const) {
    const x = tf.tensor1d([1, 2, 4, 8, 16, 32], dtype);
    const y = tf.unsortedSegmentSum(x, ids, 3);
    assertEquals([y.dtype, await numbers(y)], [dtype, [8, 0, 17]]);
    const rows = tf.unsortedSegmentSum(
      tf.tile(tf.reshape(x, [6, 1]), [1, 2]),
      ids,
      3,
    );
    assertEquals(await numbers(rows), [8, 8, 0, 0, 17, 17]);
    const one = tf.unsortedSegmentSum(
      tf.slice(x, 0, 1),
      tf.tensor1d([5], "int32"),
      3,
    );
    assertEquals(await numbers(one), [0, 0, 0]);
    tf.dispose([x, y, rows, one]);
  }
  ids.dispose();
});

onEachBackend("the place of the largest of a vector is a scalar", async () => {
  for (const dtype of ["float32", "int32", "bool"] as const) {
    const x = tf.tensor1d([0, 1, 1], dtype), y = tf.argMax(x);
    assertEquals([y.shape, await numbers(y)], [[], [1]], dtype);
    assertEquals(tf.argMax(tf.reshape(x, [1, 3]), 1).shape, [1]);
  }
});

onEachBackend(
  "functions of integers that have fractions give floats",
  async () => {
    const x = tf.tensor1d([2, -1, 0], "int32");
    const e = await numbers(tf.exp(x));
    [Math.E ** 2, 1 / Math.E, 1].forEach((v, i) =>
      assert(Math.abs(e[i]! - v) < 1e-6 * v)
    );
    const leaky = tf.leakyRelu(x, 0.5);
    assertEquals([leaky.dtype, await numbers(leaky)], ["float32", [
      2,
      -0.5,
      0,
    ]]);
    const y = tf.batchNorm(
      tf.tensor2d([[2, -1, 0]], [1, 3], "int32"),
      tf.tensor1d([1, 1, 1], "int32"),
      tf.tensor1d([4, 4, 4]),
      undefined,
      undefined,
      0,
    );
    assertEquals([y.dtype, await numbers(y)], ["float32", [0.5, -1, -0.5]]);
  },
);

const FUNCTIONS: Record<
  string,
  [(x: tf.Tensor) => tf.Tensor, (x: number) => number]
> = {
  acos: [tf.acos, Math.acos],
  acosh: [tf.acosh, Math.acosh],
  asin: [tf.asin, Math.asin],
  asinh: [tf.asinh, Math.asinh],
  atan: [tf.atan, Math.atan],
  atanh: [tf.atanh, Math.atanh],
  sinh: [tf.sinh, Math.sinh],
};

for (const [name, [run, value]] of Object.entries(FUNCTIONS)) {
  onEachBackend(
    `${name} of integers and truth values gives floats`,
    async () => {
      for (const dtype of ["int32", "bool"] as const) {
        const values = dtype === "bool" ? [1, 0, 1, 1, 0] : [1, 0, -1, 2, 0];
        const x = tf.tensor1d(values, dtype), y = run(x);
        assertEquals(y.dtype, "float32");
        (await numbers(y)).forEach((got, i) => {
          const want = value(values[i]!);
          assert(
            Object.is(got, want) ||
              Math.abs(got - want) <= 1e-6 * (1 + Math.abs(want)) ||
              got === want,
            `${name}(${values[i]}) is ${got} instead of ${want}`,
          );
        });
        tf.dispose([x, y]);
      }
    },
  );
}

onEachBackend("a crop of an image that is not there throws", () => {
  assertThrows(
    () =>
      tf.image.cropAndResize(
        tf.zeros([2, 2, 2, 1]) as tf.Tensor4D,
        tf.tensor2d([[0, 0, 1, 1]]),
        tf.tensor1d([2], "int32"),
        [2, 2],
      ),
    RangeError,
    "Cannot cropAndResize: indices must be in [0, 2): current value is 2",
  );
});

onEachBackend("truth values are scattered", async () => {
  const at = tf.tensor1d([0, 2], "int32");
  const yes = tf.tensor1d([1, 1], "bool"), no = tf.scalar(0, "bool");
  const y = tf.sparseToDense(at, yes, [4], no);
  assertEquals([y.dtype, await numbers(y)], ["bool", [1, 0, 1, 0]]);
});
