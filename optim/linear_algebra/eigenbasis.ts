/**
 * Bases of eigenvectors, as tensors.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { canRead } from "../../backend/read.ts";
import { orthonormalRows } from "./orthonormal_rows.ts";
import { symmetricEigen } from "./symmetric_eigen.ts";

/** The eigenvectors of a symmetric matrix, as columns, from the greatest eigenvalue on. */
export function eigenbasis(matrix: tf.Tensor): tf.Tensor2D {
  const n = matrix.shape[0]!, values = Float64Array.from(read(matrix));
  if (!values.every(Number.isFinite)) return tf.eye(n);
  return columns(symmetricEigen(values, n).vectors, n);
}

/**
 * One step from a basis towards that of the eigenvectors of a symmetric matrix: its
 * product with the basis, made orthonormal.
 *
 * @returns The new basis, and which column of the old one each of the new ones comes from:
 *   the one of the greatest eigenvalue is first.
 */
export function nextEigenbasis(
  matrix: tf.Tensor,
  basis: tf.Tensor,
): { basis: tf.Tensor2D; order: tf.Tensor1D } {
  const n = matrix.shape[0]!;
  // Rows are what the columns of the basis become.
  const product = tf.matMul(basis as tf.Tensor2D, matrix as tf.Tensor2D, true);
  const sizes = read(tf.sum(tf.mul(product, tf.transpose(basis)), 1));
  const values = read(product);
  if (!values.every(Number.isFinite)) {
    return {
      basis: tf.clone(basis) as tf.Tensor2D,
      order: indices([...sizes.keys()]),
    };
  }
  const order = [...sizes.keys()].sort((i, j) => sizes[j]! - sizes[i]!);
  const rows = new Float64Array(n * n);
  order.forEach((from, to) =>
    rows.set(values.subarray(from * n, (from + 1) * n), to * n)
  );
  return { basis: columns(orthonormalRows(rows, n), n), order: indices(order) };
}

function indices(order: number[]): tf.Tensor1D {
  return tf.tensor1d(order, "int32");
}

/** The tensor whose columns are given row by row. */
function columns(rows: Float64Array, n: number): tf.Tensor2D {
  const tensor = tf.tensor2d(Float32Array.from(rows), [n, n]);
  return tf.transpose(tensor);
}

function read(x: tf.Tensor): Float32Array {
  if (canRead()) return x.dataSync<"float32">();
  throw new Error(
    "Cannot compute eigenvectors: that is done on the host, and WebGPU cannot be read in a step here: use the backend wasm",
  );
}
