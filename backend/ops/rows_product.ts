/**
 * Products with some rows of a matrix, where they are.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { oneKernel, runKernel } from "../kernel.ts";
import { linear } from "./with_bias.ts";

/** The rows of the right factor, and whether it is transposed: attributes of `RowsProduct`. */
export interface RowsProductAttrs {
  /** The number of the first row. */
  readonly first: number;
  /** How many rows. */
  readonly count: number;
  /** Whether the product is with the transpose of these rows. */
  readonly transposeB: boolean;
}

/**
 * `x W + b` with the rows of a weight that belong to `x`, as one kernel where there is one:
 * it copies no rows, and its gradient in the weight no others.
 *
 * @param x `[rows, count]`
 * @param weight `[any, out]`, of which `count` rows are used.
 * @param first The number of the first of these rows.
 * @param bias `[out]`. Default: none.
 * @returns `[rows, out]`
 */
export function rowsProduct(
  x: tf.Tensor2D,
  weight: tf.Tensor2D,
  first: number,
  bias?: tf.Tensor1D,
): tf.Tensor2D {
  const count = x.shape[1];
  const composed = () => {
    const rows = tf.slice(weight, [first, 0], [count, weight.shape[1]]);
    return bias ? linear(x, rows, bias) : tf.matMul<tf.Tensor2D>(x, rows);
  };
  if (x.dtype !== "float32" || x.size === 0) return composed();
  const inputs = { a: x, b: weight, ...bias && { bias } };
  const attrs: RowsProductAttrs = { first, count, transposeB: false };
  return oneKernel(
    "RowsProduct",
    () => runKernel<tf.Tensor2D>("RowsProduct", inputs, attrs),
    composed,
  );
}
