import * as tf from "../../tf.ts";
import { type Case, row } from "./_case.ts";

/** Reproducible indices below `size`. */
function indices(shape: number[], size: number): tf.Tensor {
  const count = shape.reduce((m, n) => m * n, 1);
  const values = Array.from({ length: count }, (_, i) => (i * 7 + 3) % size);
  return tf.tensor(values, shape, "int32");
}

/** Shape, indices, axis, batch dimensions. */
const GATHERS: [number[], number[], number, number][] = [
  [[5], [3], 0, 0],
  [[5], [], 0, 0],
  [[5], [2, 3], 0, 0],
  [[5], [0], 0, 0],
  [[5, 3], [4], 0, 0],
  [[5, 3], [4], 1, 0],
  [[5, 3], [2, 2], -1, 0],
  [[2, 5, 3], [4], 1, 0],
  [[2, 5, 3], [2, 4], 1, 1],
  [[2, 5, 3], [2, 4], 2, 1],
  [[2, 3, 4], [2, 3, 5], 2, 2],
  [[2, 2, 3, 4], [2, 2, 2], 2, 2],
  [[2, 2, 3, 2], [3], 2, 0],
  [[2, 2, 3, 2], [2, 3], 3, 1],
  [[3, 1, 2, 2, 2], [4], 0, 0],
];

const WHERES: [number[], number[], number[]][] = [
  [[], [], []],
  [[4], [4], [4]],
  [[4], [], [4]],
  [[1], [4], [4]],
  [[2, 3], [2, 3], [2, 3]],
  [[2, 1], [2, 3], [3]],
  [[3], [2, 3], [2, 1]],
  [[2, 3, 2], [2, 3, 2], [2]],
  [[2, 1, 3, 2], [1], [2, 1, 3, 2]],
  [[2, 1, 3, 2, 1], [2, 1, 3, 2, 1], [2, 1, 3, 2, 1]],
  [[1, 2, 1, 3, 1, 2], [2, 2, 1, 3, 1, 2], [1]],
  [[0, 3], [0, 3], [3]],
];

/** Kernels that choose values by condition or index. */
export const indexing: Case[] = [
  ...GATHERS.map(([shape, ids, axis, batch]) =>
    row(
      `gather [${ids}] along ${axis}${batch ? ` in ${batch} batches` : ""}`,
      [shape],
      (x) =>
        tf.gather(
          x,
          indices(ids, shape.at(axis)!) as tf.Tensor1D,
          axis,
          batch,
        ),
    )
  ),
  ...WHERES.map(([condition, a, b]) =>
    row(
      `where [${condition}]`,
      [a, b],
      (a, b) => tf.where(tf.cast(indices(condition, 2), "bool"), a, b),
    )
  ),
  ...[[5], [3, 4], [2, 3, 4]].flatMap((shape) => [
    row(
      "gatherND of rows",
      [shape],
      (x) => tf.gatherND(x, indices([4, 1], shape[0]!)),
    ),
    row("gatherND of values", [shape], (x) =>
      tf.gatherND(
        x,
        tf.stack(shape.map((n) => indices([3], n)), 1),
      )),
  ]),
  row(
    "scatterND",
    [[3]],
    (x) => tf.scatterND(tf.tensor2d([[1], [4], [1]], [3, 1], "int32"), x, [6]),
  ),
  row(
    "scatterND of rows",
    [[3, 2]],
    (x) =>
      tf.scatterND(tf.tensor2d([[1], [4], [0]], [3, 1], "int32"), x, [5, 2]),
  ),
  row(
    "scatterND by two",
    [[2]],
    (x) =>
      tf.scatterND(tf.tensor2d([[1, 0], [2, 1]], [2, 2], "int32"), x, [3, 2]),
  ),
  row("tensorScatterUpdate", [[6], [2]], (x, y) =>
    tf.tensorScatterUpdate(
      x,
      tf.tensor2d([[1], [4]], [2, 1], "int32"),
      y,
    )),
  row(
    "tensorScatterUpdate of rows",
    [[4, 3], [2, 3]],
    (x, y) =>
      tf.tensorScatterUpdate(
        x,
        tf.tensor2d([[3], [0]], [2, 1], "int32"),
        y,
      ),
  ),
  row("sparseToDense", [[2], []], (values, fallback) =>
    tf.sparseToDense(
      tf.tensor2d([[1, 0], [2, 1]], [2, 2], "int32"),
      values,
      [3, 2],
      fallback,
    )),
  ...[[4], [4, 3], [4, 2, 2]].flatMap((shape) => [
    row(
      "unsortedSegmentSum",
      [shape],
      (x) => tf.unsortedSegmentSum(x, tf.tensor1d([0, 2, 0, 1], "int32"), 3),
    ),
    row(
      "unsortedSegmentSum with rows left out",
      [shape],
      (x) => tf.unsortedSegmentSum(x, tf.tensor1d([0, -1, 2, 0], "int32"), 4),
    ),
  ]),
  row("sparse.sparseSegmentSum", [[4, 2]], (x) =>
    tf.sparse.sparseSegmentSum(
      x,
      tf.tensor1d([0, 3, 1], "int32"),
      tf.tensor1d([0, 0, 1], "int32"),
    )),
  row("sparse.sparseSegmentMean", [[4, 2]], (x) =>
    tf.sparse.sparseSegmentMean(
      x,
      tf.tensor1d([0, 3, 1], "int32"),
      tf.tensor1d([0, 0, 1], "int32"),
    )),
  ...[[6], [3, 5], [2, 2, 4]].flatMap((shape) =>
    [1, 3].map((k) =>
      row(`topk ${k}`, [shape], (x) => tf.topk(x, k).values, "spaced")
    )
  ),
  row("oneHot of rounded", [[3, 2]], (x) =>
    tf.add(
      tf.sum(
        tf.cast(tf.oneHot(tf.cast(tf.floor(x), "int32"), 4), "float32"),
        -1,
      ),
      x,
    )),
  row(
    "bincount weights",
    [[4]],
    (weights) => tf.bincount(tf.tensor1d([0, 2, 1, 2], "int32"), weights, 3),
  ),
  row("denseBincount weights", [[2, 3]], (weights) =>
    tf.denseBincount(
      tf.tensor2d([[0, 2, 1], [3, 3, 9]], [2, 3], "int32"),
      weights,
      4,
    )),
];
