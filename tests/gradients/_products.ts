import { linear } from "../../backend/ops/with_bias.ts";
import * as tf from "../../tf.ts";
import { type Case, row } from "./_case.ts";

/** Batches of a, of b; then m, k, n. */
const SIZES: [number[], number[], [number, number, number]][] = [
  [[], [], [1, 1, 1]],
  [[], [], [3, 4, 5]],
  [[], [], [7, 1, 3]],
  [[], [], [17, 9, 5]],
  [[2], [2], [3, 2, 4]],
  [[2], [], [3, 2, 4]],
  [[], [3], [2, 3, 2]],
  [[1], [3], [2, 3, 2]],
  [[2, 3], [2, 3], [2, 3, 2]],
  [[2, 3], [3], [2, 3, 2]],
  [[2, 3], [], [2, 3, 1]],
  [[3, 1], [3, 2], [1, 2, 1]],
  [[2, 1], [1, 3], [2, 2, 3]],
  [[2, 1, 2], [3, 1], [2, 1, 2]],
  [[1, 2, 1, 2], [2, 1, 2, 1], [1, 2, 2]],
  [[], [], [2, 0, 3]],
  [[], [], [0, 2, 3]],
  [[0], [0], [2, 3, 2]],
];

const EINSUMS: [string, ...number[][]][] = [
  ["ij,jk->ik", [2, 3], [3, 4]],
  ["ij,jk->ki", [2, 3], [3, 4]],
  ["ij->ji", [2, 3]],
  ["ij->i", [2, 3]],
  ["ij->", [2, 3]],
  ["i,i->", [4], [4]],
  ["i,j->ij", [2], [3]],
  ["bij,bjk->bik", [2, 2, 3], [2, 3, 2]],
  ["bij,jk->bik", [2, 2, 3], [3, 2]],
  ["bhqd,bhkd->bhqk", [1, 2, 3, 2], [1, 2, 2, 2]],
  ["ij,k->ik", [2, 3], [2]],
  ["ijk,k->ij", [2, 3, 2], [2]],
  ["bij,bkj->bik", [2, 2, 3], [2, 2, 3]],
  ["ij,ij->i", [2, 3], [2, 3]],
];

const FUSED = [
  "linear",
  "relu",
  "relu6",
  "elu",
  "sigmoid",
  "leakyrelu",
] as const;

/** Products of matrices, plain, fused and by label. */
export const products: Case[] = [
  ...SIZES.flatMap(([batchA, batchB, [m, k, n]]) =>
    [false, true].flatMap((transposeA) =>
      [false, true].map((transposeB) =>
        row(
          `matMul${transposeA ? " aᵀ" : ""}${transposeB ? " bᵀ" : ""}`,
          [
            [...batchA, ...(transposeA ? [k, m] : [m, k])],
            [...batchB, ...(transposeB ? [n, k] : [k, n])],
          ],
          (a, b) => tf.matMul(a, b, transposeA, transposeB),
        )
      )
    )
  ),
  ...EINSUMS.map(([equation, ...shapes]) =>
    row(`einsum ${equation}`, shapes, (...xs) => tf.einsum(equation, ...xs))
  ),
  ...FUSED.flatMap((activation) =>
    [[4], [1], [3, 4], []].map((bias) =>
      row(
        `fused.matMul ${activation}`,
        [[3, 2], [2, 4], bias],
        (a, b, bias) =>
          tf.fused.matMul({ a: tf.mul(a, 0.3), b, bias, activation }),
        "positive",
      )
    )
  ),
  ...[false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) =>
      row(
        `fused.matMul relu${transposeA ? " aᵀ" : ""}${transposeB ? " bᵀ" : ""}`,
        [transposeA ? [2, 5] : [5, 2], transposeB ? [3, 2] : [2, 3], [3]],
        (a, b, bias) =>
          tf.fused.matMul({
            a,
            b,
            bias,
            transposeA,
            transposeB,
            activation: "relu",
          }),
        "positive",
      )
    )
  ),
  row(
    "fused.matMul batched",
    [[2, 3, 2], [2, 2, 4], [4]],
    (a, b, bias) => tf.fused.matMul({ a, b, bias }),
  ),
  row(
    "fused.matMul prelu",
    [[3, 2], [2, 4], [4], [4]],
    (a, b, bias, alpha) =>
      tf.fused.matMul({
        a: tf.neg(a),
        b,
        bias: tf.neg(bias),
        activation: "prelu",
        preluActivationWeights: alpha,
      }),
    "positive",
  ),
  ...[[1, 1, 1], [3, 4, 5], [7, 1, 3], [17, 9, 5], [2, 0, 3], [0, 2, 3]].map(
    ([m, k, n]) =>
      row(
        "a dense layer",
        [[m!, k!], [k!, n!], [n!]],
        (x, weight, bias) =>
          linear(x as tf.Tensor2D, weight as tf.Tensor2D, bias as tf.Tensor1D),
      ),
  ),
  row(
    "einsum of three",
    [[2, 3], [3, 4], [4, 2]],
    (a, b, c) => tf.einsum("ij,jk,kl->il", a, b, c),
  ),
  row("dot", [[4], [4]], tf.dot),
  row("dot", [[2, 4], [4]], tf.dot),
  row("dot", [[2, 4], [4, 3]], tf.dot),
  row("outerProduct", [[3], [4]], tf.outerProduct),
];
