/**
 * Products with some rows of a matrix, where they are.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { runKernel, runsAsOne } from "../kernel.ts";
import { linear } from "./with_bias.ts";

const KERNEL = "RowsProduct";

/** The rows of the right factor, and whether it is transposed: attributes of `RowsProduct`. */
export interface RowsProductAttrs {
  /** The number of the first row. */
  readonly first: number;
  /** How many rows. */
  readonly count: number;
  /** Whether the product is with the transpose of these rows. */
  readonly transposeB: boolean;
}

/** `x W + b` of `x`, `[rows, count]`: `[rows, out]`; without `b` if given none. */
export type ProductWith = (x: tf.Tensor2D, bias?: tf.Tensor1D) => tf.Tensor2D;

/**
 * The product of a matrix with some rows of a weight, as one kernel where there is one: it
 * copies no rows, and its gradient in the weight no others. Elsewhere the rows are copied
 * here, once for all products.
 *
 * @param weight `[any, out]`
 * @param first The number of the first row that is used.
 * @param count How many are.
 */
export function rowsProduct(
  weight: tf.Tensor2D,
  first: number,
  count: number,
): ProductWith {
  const copy = () =>
    tf.slice(weight, [first, 0], [count, weight.shape[1]]) as tf.Tensor2D;
  const copied = runsAsOne(KERNEL) ? undefined : copy();
  const attrs: RowsProductAttrs = { first, count, transposeB: false };
  return (x, bias) => {
    if (runsAsOne(KERNEL) && x.dtype === "float32" && x.size > 0) {
      return runKernel(KERNEL, { a: x, b: weight, ...bias && { bias } }, attrs);
    }
    const rows = copied ?? copy();
    return bias ? linear(x, rows, bias) : tf.matMul(x, rows);
  };
}
