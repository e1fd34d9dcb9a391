import * as tf from "@tensorflow/tfjs-core";
import type { KernelFunc } from "../kernel.ts";

/** Rows whose equal segments are found by comparing all with all. */
const CHUNK = 1024;

/**
 * Segment sums that give the same bits each time: the gradient of an embedding.
 *
 * The shipped kernel adds floats atomically, in whatever order threads arrive. So
 * each segment is summed by a product first, and only its first row is handed on,
 * with zeros for the others, whose order does not matter.
 */
export function sumInOrder(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const { x, segmentIds: ids } = args.inputs as {
      x: tf.Tensor;
      segmentIds: tf.Tensor1D;
    };
    const { numSegments } = args
      .attrs as unknown as tf.UnsortedSegmentSumAttrs;
    const rows = x.shape[0] ?? 0;
    return tf.tidy(() => {
      // What no segment has goes into one more, which is cut off: the shipped
      // kernel adds it wherever its place would be in memory.
      const outside = tf.logicalOr(
        tf.less(ids, 0),
        tf.greaterEqual(ids, numSegments),
      );
      const segmentIds = tf.where<tf.Tensor>(
        outside,
        tf.scalar(numSegments, "int32"),
        ids,
      ) as tf.Tensor1D;
      const attrs = { ...args.attrs, numSegments: numSegments + 1 };
      const cut = (sum: tf.Tensor) =>
        tf.slice(sum, sum.shape.map(() => 0), [
          numSegments,
          ...sum.shape.slice(1),
        ]);
      if (x.dtype !== "float32" || rows < 2) {
        const info = shipped({ ...args, inputs: { x, segmentIds }, attrs });
        return cut(
          tf.engine().makeTensorFromTensorInfo(info as tf.TensorInfo),
        );
      }
      const flat = tf.reshape<tf.Rank.R2>(x, [rows, x.size / rows]);
      const parts: tf.Tensor[] = [];
      for (let first = 0; first < rows; first += CHUNK) {
        const length = Math.min(CHUNK, rows - first);
        const ids = tf.slice(segmentIds, first, length);
        const sums = sumEqual(tf.slice(flat, [first, 0], [length, -1]), ids);
        const inputs = { x: sums, segmentIds: ids };
        const info = shipped({ ...args, inputs, attrs });
        parts.push(
          tf.engine().makeTensorFromTensorInfo(info as tf.TensorInfo),
        );
      }
      const sum = parts.reduce((a, b) => tf.add(a, b));
      return cut(tf.reshape(sum, [numSegments + 1, ...x.shape.slice(1)]));
    });
  };
}

/** In the first row of each segment its sum, zeros in the others. */
function sumEqual(x: tf.Tensor2D, ids: tf.Tensor1D): tf.Tensor2D {
  const n = ids.size;
  const equal = tf.cast(
    tf.equal(tf.reshape(ids, [n, 1]), tf.reshape(ids, [1, n])),
    "float32",
  );
  const place = tf.range(0, n);
  const before = tf.cast(
    tf.less(tf.reshape(place, [1, n]), tf.reshape(place, [n, 1])),
    "float32",
  );
  const earlier = tf.max(tf.mul(equal, before), 1, true);
  return tf.mul(tf.matMul<tf.Tensor2D>(equal, x), tf.sub(1, earlier));
}
