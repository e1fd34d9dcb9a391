import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../../backend/kernel.ts";
import type { RowsProductAttrs } from "../../backend/ops/rows_product.ts";
import { einsum } from "../../backend/ops/einsum.ts";
import { spread, sumToShape } from "./broadcast.ts";
import {
  expectLinear,
  type Factors,
  fromInputs,
  fromList,
  type Gradients,
  type InputGradient,
} from "./rule.ts";

/** Products of matrices, with broadcasting of the batch. */
export const matmul: Gradients = {
  BatchMatMul: fromInputs(
    ["a", "b"],
    (dy, { a, b }, { transposeA, transposeB }: tf.BatchMatMulAttrs) => ({
      a: () => gradientOfA(dy, a, b, transposeA, transposeB),
      b: ofMatrices(
        () => gradientOfB(dy, a, b, transposeA, transposeB),
        transposeA ? [] : transposeB ? [dy, a] : [a, dy],
      ),
    }),
  ),
  // As `backend/ops/with_bias.ts` runs it.
  _FusedMatMul: fromInputs(
    ["a", "b", "bias"],
    (dy, { a, b, bias }, attrs: tf._FusedMatMulAttrs) => {
      const { transposeA, transposeB, activation } = attrs;
      expectLinear("_FusedMatMul", activation);
      return {
        a: () => gradientOfA(dy, a, b, transposeA, transposeB),
        b: ofMatrices(
          () => gradientOfB(dy, a, b, transposeA, transposeB),
          transposeA ? [] : transposeB ? [dy, a] : [a, dy],
        ),
        bias: ofBias(dy, bias.shape),
      };
    },
  ),
  // As `backend/ops/rows_product.ts` runs it: of no transpose.
  RowsProduct: fromInputs(
    ["a", "b"],
    (dy, { a, b }, { first, count }: RowsProductAttrs) => {
      const left = a as tf.Tensor2D, right = dy as tf.Tensor2D;
      const [rows, columns] = b.shape as [number, number];
      const attrs: RowsProductAttrs = { first, count, transposeB: true };
      return {
        a: () => runKernel("RowsProduct", { a: dy, b }, attrs),
        b: Object.assign(
          () =>
            tf.pad(
              tf.matMul(left, right, true),
              [[first, rows - first - count], [0, 0]],
            ),
          { factors: { left, right, first } },
        ),
        bias: ofBias(dy, [columns]),
      };
    },
  ),
  Einsum: fromList((dy, inputs, { equation }: tf.EinsumAttrs) =>
    Object.fromEntries(
      inputs.map((_, i) => [i, () => gradientOfTerm(dy, inputs, i, equation)]),
    )
  ),
};

/** `gradient`, with its two factors, if there are two and they are matrices. */
function ofMatrices(
  gradient: () => tf.Tensor,
  [left, right]: readonly tf.Tensor[],
): InputGradient {
  if (left?.rank !== 2 || right?.rank !== 2) return gradient;
  return Object.assign(gradient, { factors: { left, right } as Factors });
}

/** The gradient in a bias; of matrices with its rows. */
function ofBias(dy: tf.Tensor, shape: number[]): InputGradient {
  const gradient = () => sumToShape(dy, shape);
  return dy.rank === 2 && shape.length === 1
    ? Object.assign(gradient, { rows: dy as tf.Tensor2D })
    : gradient;
}

/**
 * An einsum's gradient is an einsum: of `dy` and the other factor, to the
 * labels of this one. Labels that only this factor has were summed over alone.
 */
function gradientOfTerm(
  dy: tf.Tensor,
  inputs: tf.Tensor[],
  index: number,
  equation: string,
): tf.Tensor {
  const [terms, result] = equation.replace(/\s/g, "").split("->") as [
    string,
    string,
  ];
  const labels = terms.split(",");
  const own = labels[index]!;
  const others = labels.filter((_, i) => i !== index);
  const known = new Set([result, ...others].join(""));
  const target = [...own].filter((label) => known.has(label)).join("");
  const part = einsum(
    `${[result, ...others].join(",")}->${target}`,
    dy,
    ...inputs.filter((_, i) => i !== index),
  );
  const { shape } = inputs[index]!;
  if (target === own) return part;
  const kept = shape.map((n, i) => known.has(own[i]!) ? n : 1);
  return spread(tf.reshape(part, kept), shape);
}

/** For y = op(a) op(b): the gradient of `a`, transposed back by swapping factors. */
export function gradientOfA(
  dy: tf.Tensor,
  a: tf.Tensor,
  b: tf.Tensor,
  transposeA: boolean,
  transposeB: boolean,
): tf.Tensor {
  const da = transposeA
    ? tf.matMul(b, dy, transposeB, true)
    : tf.matMul(dy, b, false, !transposeB);
  return likeFactor(da, a);
}

/** For y = op(a) op(b): the gradient of `b`. */
export function gradientOfB(
  dy: tf.Tensor,
  a: tf.Tensor,
  b: tf.Tensor,
  transposeA: boolean,
  transposeB: boolean,
): tf.Tensor {
  if (b.rank === 2 && a.rank > 2 && !transposeA) {
    // One matrix for all batches: rows of all batches are rows of one product.
    a = rows(a);
    dy = rows(dy);
  }
  const db = transposeB
    ? tf.matMul(dy, a, true, transposeA)
    : tf.matMul(a, dy, !transposeA, false);
  return likeFactor(db, b);
}

function likeFactor(gradient: tf.Tensor, factor: tf.Tensor): tf.Tensor {
  return tf.util.arraysEqual(gradient.shape, factor.shape)
    ? gradient
    : sumToShape(gradient, factor.shape);
}

function rows(x: tf.Tensor): tf.Tensor2D {
  const width = x.shape[x.rank - 1]!;
  return tf.reshape(x, [
    x.shape.slice(0, -1).reduce((m, n) => m * n, 1),
    width,
  ]);
}
