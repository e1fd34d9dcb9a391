/** Products of matrices against sums in float64. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { random, tf } from "../../mod.ts";
import { FULL, onEachBackend } from "../_backends.ts";
import { counting } from "./_device.ts";
import { check, filled, LAYOUTS, shapes } from "./_matmul.ts";

const only = ["webgpu"] as const;

const SIZES = [1, 3, 5, 17, 33, 63, 65, 127, 129];
onEachBackend("products of odd sizes in all layouts", () => {
  random.seed(1);
  for (const layout of LAYOUTS) {
    for (const [i, m] of SIZES.entries()) {
      for (const [j, n] of SIZES.entries()) {
        for (const [l, k] of SIZES.entries()) {
          // Each pair of sizes comes once.
          if (FULL || (i + j + l) % SIZES.length === 0) {
            check(shapes(m, n, k, layout));
          }
        }
      }
    }
  }
}, { only });

onEachBackend("products of sizes that vectors of four fit", () => {
  random.seed(2);
  for (const layout of LAYOUTS) {
    for (
      const [m, n, k] of [[4, 4, 4], [64, 68, 36], [132, 8, 20], [20, 132, 64]]
    ) {
      check(shapes(m!, n!, k!, layout));
    }
  }
}, { only });

onEachBackend("products whose terms are cut", () => {
  random.seed(3);
  for (const layout of LAYOUTS) {
    for (const [m, n, k] of [[5, 7, 1000], [33, 36, 2049], [64, 64, 512]]) {
      check(shapes(m!, n!, k!, layout));
    }
  }
}, { only });

onEachBackend("products by the largest tile", () => {
  random.seed(4);
  check(shapes(2050, 2049, 3, LAYOUTS[0]!));
  check({
    a: [256, 9, 110],
    b: [256, 110, 9],
    transposeA: true,
    transposeB: true,
  });
}, { only });

onEachBackend("batches, and batches that broadcast axis by axis", () => {
  random.seed(5);
  for (
    const [a, b] of [
      [[3], [3]],
      [[3], [1]],
      [[1], [3]],
      [[], [4]],
      [[4], []],
      [[2, 3], [2, 3]],
      [[2, 3], [2, 1]],
      [[2, 1], [2, 3]],
      [[2, 1], [1, 3]],
      [[2, 3], [3]],
      [[2, 1, 3], [1, 4, 1]],
      [[2, 1, 3, 1], [4, 1, 2]],
      [[1, 1], [1, 1]],
    ]
  ) {
    for (const layout of LAYOUTS) {
      const one = shapes(5, 6, 7, layout), four = shapes(8, 4, 12, layout);
      for (const { a: p, b: q } of [one, four]) {
        check({ a: [...a!, ...p], b: [...b!, ...q], ...layout });
      }
    }
  }
}, { only });

onEachBackend("more members than workgroups fit along an axis", () => {
  random.seed(8);
  check({ a: [70000, 2, 3], b: [70000, 3, 1] });
  check({ a: [70000, 1, 2], b: [2, 5] });
}, { only });

onEachBackend("products without rows, columns, terms or members", () => {
  for (
    const [a, b] of [
      [[0, 3], [3, 2]],
      [[2, 3], [3, 0]],
      [[2, 0], [0, 3]],
      [[0, 2, 3], [3, 4]],
      [[2, 1, 0], [0, 3]],
    ]
  ) check({ a: a!, b: b! });
  const y = tf.fused.matMul({
    a: tf.zeros<tf.Rank.R2>([2, 0]),
    b: tf.zeros<tf.Rank.R2>([0, 2]),
    bias: tf.tensor1d([1, -1]),
    activation: "relu",
  });
  assertEquals([...y.dataSync()], [1, 0, 1, 0]);
}, { only });

onEachBackend("integers are multiplied as integers", () => {
  const a = tf.tensor2d([[2 ** 25 + 1, 3], [-7, 2]], undefined, "int32");
  const b = tf.tensor2d([[1, -1], [2, 5]], undefined, "int32");
  const y = tf.matMul(a, b);
  assertEquals(y.dtype, "int32");
  assertEquals([...y.dataSync()], [2 ** 25 + 7, -(2 ** 25) + 14, -3, 17]);
  const long = tf.cast(tf.ones([3, 900]), "int32");
  assertEquals(
    [...tf.matMul(long, long, false, true).dataSync()],
    Array(9).fill(900),
  );
}, { only });

const ACTIVATIONS = [
  "linear",
  "relu",
  "relu6",
  "elu",
  "sigmoid",
  "leakyrelu",
  "prelu",
] as const;

onEachBackend(
  "bias and activation are those of ops after the product",
  async () => {
    random.seed(6);
    const plain = (
      y: tf.Tensor,
      activation: typeof ACTIVATIONS[number],
      weights: tf.Tensor,
    ): tf.Tensor =>
      ({
        linear: () => y,
        relu: () => tf.relu(y),
        relu6: () => tf.relu6(y),
        elu: () => tf.elu(y),
        sigmoid: () => tf.sigmoid(y),
        leakyrelu: () => tf.leakyRelu(y, 0.3),
        prelu: () => tf.prelu(y, weights),
      })[activation]();
    // Vectors of four fit the columns of the first; the second is cut.
    for (const [m, n, k] of [[5, 8, 9], [5, 7, 700]]) {
      const a = tf.mul(filled([m!, k!]), 2), b = filled([k!, n!]);
      const weights = filled([n!]);
      for (
        const biasShape of [undefined, [n!], [1, n!], [1], [m!, 1], [m!, n!]]
      ) {
        const bias = biasShape && filled(biasShape);
        for (const activation of ACTIVATIONS) {
          const y = tf.fused.matMul({
            a: a as tf.Tensor2D,
            b: b as tf.Tensor2D,
            bias: bias!,
            activation,
            leakyreluAlpha: 0.3,
            preluActivationWeights: weights,
          });
          const product = tf.matMul(a, b);
          const want = plain(
            bias ? tf.add(product, bias) : product,
            activation,
            weights,
          );
          const [p, q] = [await y.data(), await want.data()];
          p.forEach((v, i) =>
            assert(
              Math.abs(v - q[i]!) <= 1e-5 * (1 + Math.abs(q[i]!)),
              `${activation} ${biasShape} ${v} ${q[i]}`,
            )
          );
        }
      }
    }
  },
  { only },
);

onEachBackend(
  "NaN and infinities come through products and activations",
  () => {
    const a = tf.tensor2d([[NaN, 1], [Infinity, 1], [-Infinity, 1], [0, 1]]);
    const b = tf.tensor2d([[1], [1]]);
    assertEquals([...tf.matMul(a, b).dataSync()], [
      NaN,
      Infinity,
      -Infinity,
      1,
    ]);
    const y = tf.fused.matMul({ a, b, activation: "relu6" });
    assertEquals([...y.dataSync()], [NaN, 6, 0, 1]);
  },
  { only },
);

onEachBackend(
  "a product is one dispatch, or two if its terms are cut",
  async () => {
    const count = async (m: number, n: number, k: number) => {
      const a = tf.ones<tf.Rank.R2>([m, k]), b = tf.ones<tf.Rank.R2>([k, n]);
      const bias = tf.ones([n]);
      const { dispatchWorkgroups } = await counting(() =>
        tf.fused.matMul({ a, b, bias, activation: "elu" }).dispose()
      );
      return dispatchWorkgroups;
    };
    assertEquals(await count(40, 40, 40), 1);
    assertEquals(await count(40, 40, 4000), 2);
  },
  { only },
);

onEachBackend("two runs of a product give the same bits", () => {
  random.seed(7);
  for (const [m, n, k] of [[65, 33, 3000], [128, 128, 64]]) {
    const a = filled([m!, k!]), b = filled([k!, n!]);
    assertEquals(tf.matMul(a, b).dataSync(), tf.matMul(a, b).dataSync());
  }
}, { only });

onEachBackend("a product of sizes that do not fit is refused", () => {
  assertThrows(() => tf.matMul(tf.ones([2, 3]), tf.ones([2, 3])), Error);
  assertThrows(
    () =>
      tf.engine().runKernel(tf.BatchMatMul, {
        a: tf.ones([2, 3]),
        b: tf.ones([2, 3]),
      }, { transposeA: false, transposeB: false }),
    RangeError,
    "Cannot multiply matrices: the inner sizes must be the same: current values are 3 and 2",
  );
}, { only });
