/** The gradient of a matrix that many products share is one product. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { rowsProduct } from "../../backend/ops/rows_product.ts";
import { autodiff, nn, ParamState, random, tf } from "../../mod.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

const source = { random: new random.RandomState(5) };
const normal = (...shape: [number, number]) =>
  random.normal<tf.Rank.R2>(shape, source);

/** `Σ xᵢᵀ cᵢ`, in double precision. */
function reference(xs: number[][], cs: number[][], m: number, n: number) {
  const sum = new Float64Array(m * n);
  xs.forEach((x, k) => {
    for (let r = 0; r < x.length / m; r++) {
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          sum[i * n + j]! += x[r * m + i]! * cs[k]![r * n + j]!;
        }
      }
    }
  });
  return [...sum];
}

const ROWS = [4, 1, 7];

for (const transposed of [false, true]) {
  onEachBackend(
    `a ${
      transposed ? "transposed " : ""
    }matrix of many products has the sum of their gradients`,
    async () => {
      const weight = new ParamState(transposed ? normal(3, 5) : normal(5, 3));
      const xs = ROWS.map((n) => normal(n, 5));
      const cs = ROWS.map((n) => normal(n, 3)); // the gradients in the products
      const loss = () =>
        tf.addN(xs.map((x, i) => {
          const y = tf.matMul(x, weight.value, false, transposed);
          return tf.sum(tf.mul(y, cs[i]!));
        })) as tf.Scalar;
      const grads = autodiff.grad(loss, { states: { weight } })();
      const wanted = reference(
        await Promise.all((transposed ? cs : xs).map(numbers)),
        await Promise.all((transposed ? xs : cs).map(numbers)),
        transposed ? 3 : 5,
        transposed ? 5 : 3,
      );
      (await numbers(grads.weight)).forEach((x, i) =>
        assertAlmostEquals(x, wanted[i]!, 1e-5)
      );
      tf.dispose([xs, cs, grads, weight.value]);
    },
  );
}

onEachBackend(
  "a shared matrix that is computed, and used otherwise too, has every part of its gradient",
  async () => {
    const weight = new ParamState(tf.tensor2d([[1, 2], [3, 4]]));
    const x = tf.tensor2d([[1, -1]]);
    await assertNoLeak(async () => {
      // w² in two products, once more outside of them: d/dw = 2w (xᵀ1 + xᵀ1 + 1)
      const grads = autodiff.grad(() => {
        const square = tf.square<tf.Tensor2D>(weight.value);
        const products = tf.add(tf.matMul(x, square), tf.matMul(x, square));
        return tf.add<tf.Scalar>(tf.sum(products), tf.sum(square));
      }, { states: { weight } })();
      assertEquals(await numbers(grads.weight), [6, 12, -6, -8]);
      tf.dispose(grads);
    });
    tf.dispose([x, weight.value]);
  },
);

/** The rows of a matrix that products read, and how many products. */
const READS: Record<string, [first: number, count: number, times: number][]> = {
  "in one product": [[1, 3, 1]],
  "in products of the same rows": [[1, 3, 3]],
  "that follow each other": [[0, 2, 2], [2, 4, 1]],
  "that overlap": [[0, 4, 2], [2, 3, 2]],
};

for (const [name, reads] of Object.entries(READS)) {
  onEachBackend(`rows of a matrix ${name} have their gradient`, async () => {
    const weight = new ParamState(normal(6, 3));
    const bias = new ParamState(tf.tensor1d([0.5, -1, 2]));
    const w = await numbers(weight.value), b = await numbers(bias.value);
    const wanted = { weight: Array(18).fill(0), bias: [0, 0, 0] };
    const terms: [first: number, x: tf.Tensor2D, c: tf.Tensor2D][] = [];
    for (const [first, count, times] of reads) {
      for (let k = 0; k < times; k++) {
        const x = normal(k + 2, count), c = normal(k + 2, 3);
        terms.push([first, x, c]);
        const [xs, cs] = [await numbers(x), await numbers(c)];
        reference([xs], [cs], count, 3).forEach((slope, i) => {
          wanted.weight[3 * first + i]! += slope;
        });
        cs.forEach((slope, i) => wanted.bias[i % 3]! += slope);
        const y = await numbers(
          rowsProduct(weight.value, first, x.shape[1])(x, bias.value),
        );
        for (let r = 0; r < k + 2; r++) {
          for (let j = 0; j < 3; j++) {
            let sum = b[j]!;
            for (let i = 0; i < count; i++) {
              sum += xs[r * count + i]! * w[(first + i) * 3 + j]!;
            }
            assertAlmostEquals(y[3 * r + j]!, sum, 1e-5);
          }
        }
      }
    }
    const loss = () =>
      tf.addN(terms.map(([first, x, c]) => {
        const y = rowsProduct(weight.value, first, x.shape[1])(x, bias.value);
        return tf.sum(tf.mul(y, c));
      })) as tf.Scalar;
    const states = { weight, bias };
    await assertNoLeak(async () => {
      const grads = autodiff.grad(loss, { states })();
      for (const key of ["weight", "bias"] as const) {
        (await numbers(grads[key])).forEach((x, i) =>
          assertAlmostEquals(x, wanted[key][i]!, 1e-5)
        );
      }
      // In x it is c Wᵀ.
      const [first, x, c] = terms.at(-1)!, count = x.shape[1];
      const [dx] = tf.tidy(() => [
        autodiff.grad(
          (x: tf.Tensor2D) =>
            tf.sum<tf.Scalar>(
              tf.mul(rowsProduct(weight.value, first, x.shape[1])(x), c),
            ),
        )(x) as tf.Tensor,
      ]);
      const cs = await numbers(c);
      (await numbers(dx)).forEach((slope, at) => {
        const [r, i] = [Math.floor(at / count), at % count];
        const row = 3 * (first + i);
        const sum = [0, 1, 2].reduce(
          (s, j) => s + cs[3 * r + j]! * w[row + j]!,
          0,
        );
        assertAlmostEquals(slope, sum, 1e-5);
      });
      tf.dispose([grads, dx]);
    });
  });
}

onEachBackend("second derivatives pass through rows of a matrix", async () => {
  const weight = new ParamState(tf.tensor2d([[3], [0.5]]));
  const x = tf.tensor2d([[2]]);
  // y = x w₁²: d²y/dw₁² = 2x
  const first = () => {
    const grads = autodiff.grad(() => {
      const y = rowsProduct(weight.value, 1, x.shape[1])(x);
      return tf.sum<tf.Scalar>(rowsProduct(weight.value, 1, y.shape[1])(y));
    }, { states: { weight } })();
    return tf.sum<tf.Scalar>(grads.weight);
  };
  const second = autodiff.grad(first, { states: { weight } })();
  assertEquals(await numbers(second.weight), [0, 4]);
});

onEachBackend(
  "a layer with a bias that is called often has the sum of its gradients",
  async () => {
    const layer = new nn.Linear(5, 3);
    const params = layer.states(ParamState);
    const [xs, cs] = [
      ROWS.map((n) => normal(n, 5)),
      ROWS.map((n) => normal(n, 3)),
    ];
    const grads = autodiff.grad(
      () =>
        tf.addN(
          xs.map((x, i) => tf.sum(tf.mul(layer.call(x), cs[i]!))),
        ) as tf.Scalar,
      {
        states: params,
      },
    )();
    const values = [xs, cs].map((list) => Promise.all(list.map(numbers)));
    const [x, c] = await Promise.all(values) as [number[][], number[][]];
    const wanted = reference(x, c, 5, 3);
    (await numbers(grads["weight"]!)).forEach((slope, i) =>
      assertAlmostEquals(slope, wanted[i]!, 1e-5)
    );
    const ones = [[1], [1], [1], [1], [1], [1], [1]];
    const sums = reference(
      c.map((c) => ones.slice(0, c.length / 3).flat()),
      c,
      1,
      3,
    );
    (await numbers(grads["bias"]!)).forEach((slope, i) =>
      assertAlmostEquals(slope, sums[i]!, 1e-5)
    );
  },
);

onEachBackend(
  "second derivatives pass through a shared matrix",
  async () => {
    const weight = new ParamState(tf.tensor2d([[0.5]]));
    const x = tf.tensor2d([[2]]);
    // y = x w², as two products: d²y/dw² = 2x
    const first = () => {
      const grads = autodiff.grad(
        () =>
          tf.sum<tf.Scalar>(
            tf.matMul(tf.matMul(x, weight.value), weight.value),
          ),
        { states: { weight } },
      )();
      return tf.sum<tf.Scalar>(grads.weight);
    };
    const second = autodiff.grad(first, { states: { weight } })();
    assertEquals(await numbers(second.weight), [4]);
    tf.dispose([second, x, weight.value]);
  },
);
