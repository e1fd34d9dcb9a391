/**
 * Kernels that choose values by index.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../../backend/kernel.ts";
import { all, axisOfAll, byExample, type Call, type Rules } from "./call.ts";

/** Values and indices of all examples, or indices alone: the axes are moved to the front. */
function gather(call: Call): tf.Tensor {
  const { x, indices } = call.inputs;
  const { axis, batchDims = 0 } = call.attrs as {
    axis: number;
    batchDims?: number;
  };
  const along = axisOfAll(axis, x!.shape.length) - 1;
  const run = (x: tf.Tensor, indices: tf.Tensor, axis: number, dims: number) =>
    runKernel(tf.GatherV2, { x, indices }, { axis, batchDims: dims });
  if (batchDims === 0 && !indices!.isBatched) {
    return run(x!.x, indices!.x, along + 1, 0);
  }
  if (batchDims === 0 && !x!.isBatched) {
    const y = run(x!.x, indices!.x, along, 0);
    const rest = y.shape.map((_, i) => i).filter((i) => i !== along);
    return along === 0 ? y : tf.transpose(y, [along, ...rest]);
  }
  return run(
    all(call, "x"),
    all(call, "indices"),
    along + 1,
    batchDims + 1,
  );
}

/** Indices `[examples, ..., depth]` with the number of the example before each. */
function numbered(call: Call, name: string): tf.Tensor {
  const indices = all(call, name);
  const shape = [...indices.shape.slice(0, -1), 1];
  const numbers = tf.reshape(
    tf.range(0, call.size, 1, indices.dtype as "int32"),
    [call.size, ...shape.slice(1).fill(1)],
  );
  const each = tf.tile(numbers, [1, ...shape.slice(1)]);
  return tf.concat([each, indices], indices.rank - 1);
}

/** Examples that share the values take them at their own indices. */
function gatherNd(call: Call): tf.Tensor {
  const { params, indices } = call.inputs;
  return params!.isBatched
    ? runKernel(tf.GatherNd, {
      params: params!.x,
      indices: numbered(call, "indices"),
    })
    : runKernel(tf.GatherNd, { params: params!.x, indices: indices!.x });
}

/** The ids of each example are those of the one before it, and as many more. */
function segmentSum(call: Call): tf.Tensor {
  const { numSegments } = call.attrs as { numSegments: number };
  const { segmentIds, x } = call.inputs;
  const inner = x!.shape.slice(segmentIds!.shape.length);
  const rows = tf.util.sizeFromShape([...segmentIds!.shape]);
  const ids = tf.reshape(all(call, "segmentIds"), [call.size, rows]);
  const first = tf.range(0, call.size * numSegments, numSegments, "int32");
  const own = tf.add(ids, tf.reshape(first, [call.size, 1]));
  // Rows with a negative id are left out.
  const kept = tf.where(tf.less(ids, 0), ids, own);
  const sums = runKernel(tf.UnsortedSegmentSum, {
    x: tf.reshape(all(call, "x"), [call.size * rows, ...inner]),
    segmentIds: tf.reshape(kept, [call.size * rows]),
  }, { numSegments: call.size * numSegments });
  return tf.reshape(sums, [call.size, numSegments, ...inner]);
}

/** The rules. */
export const indexing = (): Rules => ({
  GatherNd: gatherNd,
  GatherV2: gather,
  UnsortedSegmentSum: segmentSum,
  ScatterNd: (call) =>
    runKernel(tf.ScatterNd, {
      indices: numbered(call, "indices"),
      updates: all(call, "updates"),
    }, { shape: [call.size, ...call.attrs["shape"] as number[]] }),
  TensorScatterUpdate: (call) =>
    runKernel(tf.TensorScatterUpdate, {
      tensor: all(call, "tensor"),
      indices: numbered(call, "indices"),
      updates: all(call, "updates"),
    }, call.attrs),
  // Rows of all examples are rows.
  SearchSorted: (call) => {
    const rows = (name: string) => {
      const x = all(call, name);
      return tf.reshape(x, [-1, x.shape.at(-1)!]);
    };
    const values = rows("values");
    const y = runKernel(tf.SearchSorted, {
      sortedSequence: rows("sortedSequence"),
      values,
    }, call.attrs);
    const { shape } = call.inputs["values"]!;
    return tf.reshape(y, [call.size, ...shape]);
  },
  Bincount: byExample,
  DenseBincount: byExample,
  SparseSegmentMean: byExample,
  SparseSegmentSum: byExample,
  SparseToDense: byExample,
});
