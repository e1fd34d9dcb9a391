import * as tf from "@tensorflow/tfjs-core";
import { where } from "../../backend/ops/where.ts";
import {
  fromInputs,
  type Gradient,
  type Gradients,
  noGradient,
  zeroGradient,
  zeros,
} from "./rule.ts";

const { sizeFromShape } = tf.util;

/** Kernels that choose values by condition or index. */
export const indexing: Gradients = {
  Select: fromInputs(["condition"], (dy, { condition }) => ({
    condition: () => zeros(condition.shape),
    t: () => where(condition, dy, tf.zerosLike(dy)),
    e: () => where(condition, tf.zerosLike(dy), dy),
  })),
  GatherV2: fromInputs(
    ["x", "indices"],
    (dy, { x, indices }, { axis, batchDims }: tf.GatherV2Attrs) => ({
      x: () => gatherGrad(dy, x.shape, indices, axis, batchDims),
      indices: () => zeros(indices.shape),
    }),
  ),
  GatherNd: fromInputs(["params", "indices"], (dy, { params, indices }) => ({
    params: () => tf.scatterND(int32(indices), dy, params.shape),
    indices: () => zeros(indices.shape),
  })),
  ScatterNd: fromInputs(["indices"], (dy, { indices }) => ({
    indices: () => zeros(indices.shape),
    updates: () => tf.gatherND(dy, indices),
  })),
  TensorScatterUpdate: fromInputs(
    ["indices", "updates"],
    (dy, { indices, updates }) => ({
      tensor: () =>
        tf.tensorScatterUpdate(dy, int32(indices), zeros(updates.shape)),
      indices: () => zeros(indices.shape),
      updates: () => tf.gatherND(dy, indices),
    }),
  ),
  SparseToDense: fromInputs(
    ["sparseIndices", "sparseValues"],
    (dy, { sparseIndices, sparseValues }) => {
      const picked = () => tf.gatherND(dy, columns(sparseIndices));
      return {
        sparseIndices: () => zeros(sparseIndices.shape),
        sparseValues: () =>
          sparseValues.rank === 0 ? tf.sum(picked()) : picked(),
        defaultValue: () => tf.sub(tf.sum(dy), tf.sum(picked())),
      };
    },
  ),
  UnsortedSegmentSum: fromInputs(["segmentIds"], (dy, { segmentIds }) => ({
    // Rows with a negative id were left out.
    x: () => {
      const ids = int32(segmentIds);
      const rows = tf.gather(dy, tf.maximum(ids, tf.zerosLike(ids)));
      const kept = tf.reshape(
        tf.cast(tf.greaterEqual(ids, 0), "float32"),
        [...ids.shape, ...dy.shape.slice(1).fill(1)],
      );
      return tf.mul(rows, kept);
    },
    segmentIds: () => zeros(segmentIds.shape),
  })),
  SparseSegmentSum: segmentGradient((rows) => rows),
  SparseSegmentMean: segmentGradient((rows, segmentIds, segments) => {
    const counts = tf.unsortedSegmentSum(
      tf.fill([segmentIds.size], 1),
      segmentIds,
      segments,
    );
    const each = tf.gather(counts, segmentIds);
    return tf.div(rows, tf.reshape(each, [-1, ...rows.shape.slice(1).fill(1)]));
  }),
  TopK: {
    inputsToSave: ["x"],
    outputsToSave: [false, true],
    gradFunc: (dys, saved) => ({
      x: () => {
        const [x, indices] = saved as [tf.Tensor, tf.Tensor];
        const width = x.shape[x.rank - 1]!;
        return unpick((dys as tf.Tensor[])[0]!, indices, x.shape, width);
      },
    }),
  },
  MaxPoolWithArgmax: {
    inputsToSave: ["x"],
    outputsToSave: [false, true],
    gradFunc: (dys, saved, attrs) => ({
      x: () => {
        const [x, indices] = saved as [tf.Tensor, tf.Tensor];
        const { includeBatchInIndex } =
          attrs as unknown as tf.MaxPoolWithArgmaxAttrs;
        const range = includeBatchInIndex ? x.size : x.size / x.shape[0]!;
        return unpick((dys as tf.Tensor[])[0]!, indices, x.shape, range);
      },
    }),
  },
  Bincount: fromInputs(
    ["x", "weights"],
    (dy, { x, weights }, { size }: tf.BincountAttrs) => ({
      x: () => zeros(x.shape),
      weights: () => binGrad(dy, x, weights, size),
    }),
  ),
  DenseBincount: fromInputs(
    ["x", "weights"],
    (dy, { x, weights }, { size, binaryOutput }: tf.DenseBincountAttrs) => ({
      x: () => zeros(x.shape),
      weights: () =>
        binaryOutput ? zeros(weights.shape) : binGrad(dy, x, weights, size),
    }),
  ),

  // Integers come out: flat.
  OneHot: zeroGradient("indices"),
  ArgMax: zeroGradient("x"),
  ArgMin: zeroGradient("x"),
  SearchSorted: zeroGradient("sortedSequence", "values"),
  Multinomial: zeroGradient("logits"),
  NonMaxSuppressionV3: zeroGradient("boxes", "scores"),
  NonMaxSuppressionV4: zeroGradient("boxes", "scores"),
  BroadcastArgs: zeroGradient("s0", "s1"),
  NonMaxSuppressionV5: noGradient(
    "NonMaxSuppressionV5",
    "take the scores with tf.gather instead",
  ),
  Unique: noGradient("Unique", "take the values with tf.gather instead"),
};

/**
 * Sums rows of `dy` by index. In terms of flat sizes, `x` is
 * `[batch, outer, size, inner]`, `indices` `[batch, picks]` and `dy`
 * `[batch, outer, picks, inner]`.
 */
function gatherGrad(
  dy: tf.Tensor,
  shape: number[],
  indices: tf.Tensor,
  axis: number,
  batchDims: number,
): tf.Tensor {
  const along = tf.util.parseAxisParam(axis, shape)[0]!;
  const size = shape[along]!;
  const batch = sizeFromShape(shape.slice(0, batchDims));
  const outer = sizeFromShape(shape.slice(batchDims, along));
  const inner = sizeFromShape(shape.slice(along + 1));
  const picks = sizeFromShape(indices.shape.slice(batchDims));
  if (dy.size === 0) return zeros(shape);

  const swap = (x: tf.Tensor, sizes: number[]) =>
    outer === 1 ? x : tf.transpose(tf.reshape(x, sizes), [0, 2, 1, 3]);
  const rows = swap(dy, [batch, outer, picks, inner]);
  const sums = tf.unsortedSegmentSum(
    tf.reshape(rows, [batch * picks, outer * inner]),
    flatIndices(indices, batch, size),
    batch * size,
  );
  return tf.reshape(swap(sums, [batch, size, outer, inner]), shape);
}

/** Indices into rows of `width` as indices into all rows, one after another. */
function flatIndices(
  indices: tf.Tensor,
  rows: number,
  width: number,
): tf.Tensor1D {
  const flat: tf.Tensor1D = tf.reshape(int32(indices), [indices.size]);
  if (rows === 1) return flat;
  const starts = tf.range(0, rows * width, width, "int32");
  const absolute = tf.add(
    tf.reshape(flat, [rows, indices.size / rows]),
    tf.reshape(starts, [rows, 1]),
  );
  return tf.reshape(absolute, [indices.size]);
}

/** Zeros of `shape` with `dy` where it was picked from, by index within `range` values. */
function unpick(
  dy: tf.Tensor,
  indices: tf.Tensor,
  shape: number[],
  range: number,
): tf.Tensor {
  const size = sizeFromShape(shape);
  if (dy.size === 0) return zeros(shape);
  const flat = tf.unsortedSegmentSum(
    tf.reshape(dy, [dy.size]),
    flatIndices(indices, size / range, range),
    size,
  );
  return tf.reshape(flat, shape);
}

/** What goes back through a sum of the rows `indices` of `data` by segment. */
function segmentGradient(
  weigh: (
    rows: tf.Tensor,
    segmentIds: tf.Tensor1D,
    segments: number,
  ) => tf.Tensor,
): Gradient {
  return fromInputs(
    ["data", "indices", "segmentIds"],
    (dy, { data, indices, segmentIds }) => ({
      data: () => {
        const segments = int32(segmentIds) as tf.Tensor1D;
        const rows = weigh(
          tf.gather(dy, segments),
          segments,
          dy.shape[0]!,
        );
        return tf.unsortedSegmentSum(
          rows,
          int32(indices) as tf.Tensor1D,
          data.shape[0]!,
        );
      },
      indices: () => zeros(indices.shape),
      segmentIds: () => zeros(segmentIds.shape),
    }),
  );
}

/** Each weight's bin; numbers past the last bin were left out. */
function binGrad(
  dy: tf.Tensor,
  x: tf.Tensor,
  weights: tf.Tensor,
  size: number,
): tf.Tensor {
  if (weights.size === 0) return zeros(weights.shape);
  const bins = tf.minimum(int32(x), tf.scalar(size - 1, "int32"));
  const picked = x.rank === 2 ? tf.gather(dy, bins, 1, 1) : tf.gather(dy, bins);
  return tf.mul(picked, tf.cast(tf.less(x, size), "float32"));
}

function columns(indices: tf.Tensor): tf.Tensor {
  return int32(indices.rank < 2 ? tf.reshape(indices, [-1, 1]) : indices);
}

function int32(x: tf.Tensor): tf.Tensor {
  return x.dtype === "int32" ? x : tf.cast(x, "int32");
}
