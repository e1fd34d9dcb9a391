/** Arithmetic of complex numbers. */
import { assertEquals } from "@std/assert";
import { autodiff, compile, scope, tf } from "../../mod.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

/** Complex integers, whose products are exact. */
type Complex = readonly [re: number, im: number];

const A: Complex[][] = [
  [[1, 5], [-2, 6], [0, 1]],
  [[3, -7], [4, 8], [2, 2]],
];
const B: Complex[][] = [
  [[2, 1], [0, -3]],
  [[-1, 4], [5, 0]],
  [[6, -2], [1, 1]],
];

const of = (rows: readonly (readonly Complex[])[]) =>
  tf.complex(
    tf.tensor2d(rows.map((row) => row.map(([re]) => re))),
    tf.tensor2d(rows.map((row) => row.map(([, im]) => im))),
  );
const times = ([a, b]: Complex, [c, d]: Complex): Complex => [
  a * c - b * d,
  a * d + b * c,
];
const plus = ([a, b]: Complex, [c, d]: Complex): Complex => [a + c, b + d];
const minus = ([a, b]: Complex, [c, d]: Complex): Complex => [a - c, b - d];

onEachBackend(
  "sums, products and transposes of complex numbers are those of loops",
  async () => {
    const product = A.map((row) =>
      B[0]!.map((_, j) =>
        row.map((a, k) => times(a, B[k]![j]!)).reduce(plus, [0, 0])
      )
    );
    const columns = B[0]!.map((_, j) => B.map((row) => row[j]!));
    const a = of(A), b = of(B), bt = of(columns), row = of([A[0]!]);
    const flat = tf.reshape(row, [3]);
    const elements = (op: (x: Complex, y: Complex) => Complex) =>
      A.map((r) => r.map((x, k) => op(x, A[0]![k]!)));
    const real = tf.tensor2d([[2, -1, 3]]);
    const scaled = A.map((r) =>
      r.map((x, k): Complex => times(x, [[2, -1, 3][k]!, 0]))
    );
    const cases: [tf.Tensor, Complex[][]][] = [
      [tf.matMul(a, b), product],
      [tf.matMul(a, bt, false, true), product],
      [
        tf.matMul(of(A[0]!.map((_, k) => A.map((r) => r[k]!))), b, true),
        product,
      ],
      [tf.einsum("ij,jk->ik", a, b), product],
      [tf.dot(a, b), product],
      [tf.mul(a, flat), elements(times)],
      [tf.add(a, flat), elements(plus)],
      [tf.sub(a, flat), elements(minus)],
      [tf.mul(a, real), scaled],
      [tf.mul(real, a), scaled],
      [tf.mul(a, 2), elements((x) => times(x, [2, 0]))],
      [tf.add(1, a), elements((x) => plus(x, [1, 0]))],
      [tf.sub(a, tf.scalar(1, "int32")), elements((x) => minus(x, [1, 0]))],
      [tf.neg(a), elements((x) => times(x, [-1, 0]))],
      [tf.transpose(b), columns],
      [
        tf.transpose(b, [1, 0], true),
        columns.map((r) => r.map(([re, im]): Complex => [re, -im])),
      ],
      [tf.sum(a, 0), [A[0]!.map((x, k) => plus(x, A[1]![k]!))]],
    ];
    for (const [i, [z, expected]] of cases.entries()) {
      assertEquals(z.dtype, "complex64");
      // 0 and -0 are one number.
      const values = (await numbers(z)).map((x) => x + 0);
      assertEquals(values, expected.flat(2).map((x) => x + 0), `${i}`);
    }
  },
);

onEachBackend("arithmetic of complex numbers leaves no tensors", async () => {
  const a = of(A), b = of(B);
  await assertNoLeak(() => {
    for (const z of [tf.matMul(a, b), tf.mul(a, 2), tf.add(a, a), tf.neg(a)]) {
      z.dispose();
    }
  });
  const re = tf.ones([2, 3]), im = tf.ones([2, 3]);
  const energy = autodiff.grad(
    (re: tf.Tensor, im: tf.Tensor) =>
      tf.sum<tf.Scalar>(tf.square(tf.abs(tf.matMul(tf.complex(re, im), b)))),
    { argnums: [0, 1] },
  );
  await assertNoLeak(() => tf.dispose(energy(re, im)));
});

onEachBackend(
  "a function with products of complex numbers is not compiled, and computes the same",
  async (backend) => {
    const power = (re: tf.Tensor, im: tf.Tensor) =>
      scope(() => tf.abs(tf.mul(tf.complex(re, im), tf.complex(im, re))));
    const compiled = compile(power);
    const re = tf.tensor1d([1, 2]), im = tf.tensor1d([3, -4]);
    const expected = await numbers(power(re, im));
    for (let i = 0; i < 4; i++) {
      assertEquals(await numbers(compiled(re, im)), expected);
    }
    if (backend !== "cpu") assertEquals(compiled.report().replayed, 0);
  },
);
