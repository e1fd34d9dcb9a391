/** The gradient of a matrix that many products share is one product. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { autodiff, ParamState, random, tf } from "../../mod.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

const source = { random: new random.RandomState(5) };
const normal = (...shape: [number, number]) => random.normal(shape, source);

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
