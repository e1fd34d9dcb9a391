/**
 * Rows by index: gather, the sum of rows by segment, which is its gradient, and
 * one-hot rows.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { I32, load } from "../assembler/assembler.ts";
import { eachVector } from "../assembler/lanes.ts";
import { wasmBackend } from "../machine/backend.ts";
import { wasmFunction } from "../machine/functions.ts";
import {
  expectSize,
  expectType,
  output,
  pointer,
  replace,
  size,
  view,
  zeros,
} from "../machine/registry.ts";
import { copyFloats } from "./floats.ts";

/** Copy the rows of `bytes` bytes that `count` ids choose from `from`. */
const gatherRows = wasmFunction(
  "gatherRows",
  { addresses: ["from", "to", "ids"], numbers: ["count", "bytes"] },
  (f, { from, to, ids, count, bytes }) => {
    f.for(count.shl(2), 4, (i) => {
      const row = f.let(from.add(load(I32, ids.add(i)).mul(bytes)));
      copyFloats(f, to, row, bytes);
      f.set(to, to.add(bytes));
    });
  },
);

/** Add each row to the one that its id chooses, if that is below `most`. */
const addRows = wasmFunction(
  "addRows",
  { addresses: ["from", "to", "ids"], numbers: ["count", "bytes", "most"] },
  (f, { scratch, from, to, ids, count, bytes, most }) => {
    f.for(count.shl(2), 4, (i) => {
      const id = f.let(load(I32, ids.add(i)));
      f.if(id.lt(most), () => {
        const row = f.let(to.add(id.mul(bytes)));
        eachVector(f, scratch, bytes, (lanes) => {
          lanes.store(row, lanes.load(row).add(lanes.load(from)));
        });
      });
      f.set(from, from.add(bytes));
    });
  },
);

/** Sum the rows of `x` that have the same id; ids outside `0` to `numSegments` are left out. */
function segmentSum(
  x: tf.TensorInfo,
  segmentIds: tf.TensorInfo,
  numSegments: number,
): tf.TensorInfo {
  expectType("unsortedSegmentSum", x, "float32", "int32");
  expectType("unsortedSegmentSum", segmentIds, "int32");
  const row = x.shape.slice(segmentIds.shape.length), length = size(row);
  expectSize(
    "unsortedSegmentSum",
    "the rows",
    x.shape,
    size(segmentIds.shape) * length,
  );
  const out = zeros([numSegments, ...row], x.dtype);
  if (x.dtype === "float32") {
    addRows.run({
      from: pointer(x),
      to: pointer(out),
      ids: pointer(segmentIds),
      count: size(segmentIds.shape),
      bytes: 4 * length,
      most: numSegments,
    });
    return out;
  }
  const ids = view(segmentIds), from = view(x), to = view(out);
  for (let i = 0, at = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (id < 0 || id >= numSegments) at += length;
    else {for (let j = id * length, end = j + length; j < end; j++) {
        to[j]! += from[at++]!;
      }}
  }
  return out;
}

/** The options of `gather`. */
interface GatherAttrs {
  readonly axis: number;
  readonly batchDims: number;
}

function gather(
  x: tf.TensorInfo,
  indices: tf.TensorInfo,
  { axis, batchDims }: GatherAttrs,
): tf.TensorInfo {
  expectType("gather", indices, "int32");
  const at = tf.util.parseAxisParam(axis, x.shape)[0]!, choices = x.shape[at]!;
  const outer = x.shape.slice(0, at), rest = x.shape.slice(at + 1);
  const inner = indices.shape.slice(batchDims);
  const out = output([...outer, ...inner, ...rest], x.dtype);
  const bytes = size(rest) * tf.util.bytesPerElement(x.dtype);
  const batch = size(x.shape.slice(0, batchDims)), count = size(inner);
  const lines = size(outer) / (batch || 1);
  expectSize("gather", "the indices", indices.shape, batch * count);
  const from = pointer(x), first = pointer(indices);
  let to = pointer(out);
  for (let n = 0; n < batch; n++) {
    for (let line = 0; line < lines; line++) {
      const base = from + (n * lines + line) * choices * bytes;
      if (bytes % 4 === 0) {
        const ids = first + 4 * n * count;
        gatherRows.run({ from: base, to, ids, count, bytes });
        to += count * bytes;
        continue;
      }
      const ids = view(indices), { HEAPU8 } = wasmBackend().wasm;
      for (let i = n * count; i < (n + 1) * count; i++, to += bytes) {
        const row = base + ids[i]! * bytes;
        HEAPU8.copyWithin(to, row, row + bytes);
      }
    }
  }
  return out;
}

/** The options of `oneHot`. */
interface OneHotAttrs {
  readonly depth: number;
  readonly onValue: number;
  readonly offValue: number;
  readonly dtype?: tf.DataType;
}

/** `onValue` at each index, `offValue` elsewhere, in the type asked for. */
function oneHot(indices: tf.TensorInfo, attrs: OneHotAttrs): tf.TensorInfo {
  expectType("oneHot", indices, "int32");
  const { depth, onValue, offValue, dtype = "int32" } = attrs;
  const out = output([...indices.shape, depth], dtype);
  const ids = view(indices), to = view(out).fill(offValue);
  ids.forEach((id, i) => {
    if (id >= 0 && id < depth) to[i * depth + id] = onValue;
  });
  return out;
}

/** Replace `GatherV2` and `OneHot`, and add `UnsortedSegmentSum`. */
export function registerSegments(): void {
  replace<"x" | "indices", GatherAttrs>(
    "GatherV2",
    ({ inputs: { x, indices }, attrs }) => gather(x, indices, attrs),
  );
  replace<"indices", OneHotAttrs>(
    "OneHot",
    ({ inputs: { indices }, attrs }) => oneHot(indices, attrs),
  );
  replace<"x" | "segmentIds", { numSegments: number }>(
    "UnsortedSegmentSum",
    ({ inputs: { x, segmentIds }, attrs }) =>
      segmentSum(x, segmentIds, attrs.numSegments),
  );
}
