/**
 * Sums of rows by segment: the gradient of an embedding.
 *
 * ```text
 * y[s] = Σ x[i] over all i with ids[i] = s, in the order of i
 * ```
 *
 * The numbers of rows are sorted by segment, eight bits at a time and each time
 * keeping the order of what is equal; then a few invocations add up each segment.
 * Nothing is atomic, so the bits are the same each time.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type KernelFunc, replaceKernel } from "../../kernel.ts";
import { webGpuBackend } from "../backend.ts";
import { output, runShader, type Shader } from "./run.ts";

const { sizeFromShape } = tf.util;

/** Rows that a workgroup sorts; and the values of a digit. */
const BLOCK = 256;

/** Invocations that add up a segment, each every so many rows. */
const LANES = 8;

/** The segment of a row; one past the last for a row that no segment has. */
const KEY = `fn key(row : u32) -> u32 {
  return min(bitcast<u32>(IDS[row]), uniforms.segments);
}
fn digit(row : u32) -> u32 { return (key(row) >> uniforms.shift) & 255u; }
// The row at a place of the order, which is that of rows before the first digit.
fn rowAt(i : u32) -> u32 { return select(ORDER[i], i, uniforms.shift == 0u); }`;

/** How often each value of a digit occurs in each block. */
const COUNT: Shader = {
  name: "segment_count",
  outputs: { COUNTS: "u32" },
  inputs: { ORDER: "u32", IDS: "i32" },
  uniforms: { rows: "u32", segments: "u32", shift: "u32" },
  threads: BLOCK,
  declarations: `${KEY}
var<workgroup> digits : array<u32, ${BLOCK}>;`,
  code: `let first = group * ${BLOCK}u;
  let i = first + local;
  if (i < uniforms.rows) { digits[local] = digit(rowAt(i)); }
  workgroupBarrier();
  if (first >= uniforms.rows) { return; }
  let count = min(${BLOCK}u, uniforms.rows - first);
  var sum = 0u;
  for (var k = 0u; k < count; k++) { sum += select(0u, 1u, digits[k] == local); }
  COUNTS[group * ${BLOCK}u + local] = sum;`,
};

/** From how often values occur to where the first of each goes. */
const SCAN: Shader = {
  name: "segment_scan",
  outputs: { STARTS: "u32" },
  inputs: { COUNTS: "u32" },
  uniforms: { blocks: "u32" },
  threads: BLOCK,
  declarations: `var<workgroup> totals : array<u32, ${BLOCK}>;`,
  code: `var total = 0u;
  for (var b = 0u; b < uniforms.blocks; b++) { total += COUNTS[b * ${BLOCK}u + local]; }
  totals[local] = total;
  workgroupBarrier();
  var start = 0u;
  for (var k = 0u; k < local; k++) { start += totals[k]; }
  for (var b = 0u; b < uniforms.blocks; b++) {
    STARTS[b * ${BLOCK}u + local] = start;
    start += COUNTS[b * ${BLOCK}u + local];
  }`,
};

/** Put rows where they belong. */
const SCATTER: Shader = {
  name: "segment_scatter",
  outputs: { SORTED: "u32" },
  inputs: { ORDER: "u32", IDS: "i32", STARTS: "u32" },
  uniforms: { rows: "u32", segments: "u32", shift: "u32" },
  threads: BLOCK,
  declarations: `${KEY}
var<workgroup> digits : array<u32, ${BLOCK}>;`,
  code: `let i = group * ${BLOCK}u + local;
  let isRow = i < uniforms.rows;
  let row = rowAt(min(i, uniforms.rows - 1u));
  let own = digit(row);
  digits[local] = own;
  workgroupBarrier();
  if (!isRow) { return; }
  var before = 0u;
  for (var k = 0u; k < local; k++) { before += select(0u, 1u, digits[k] == own); }
  SORTED[STARTS[group * ${BLOCK}u + own] + before] = row;`,
};

/** Add up the rows of each segment, each column for itself. */
function sumShader(type: "f32" | "i32"): Shader {
  const items = BLOCK / LANES;
  return {
    name: `segment_sum_${type}`,
    outputs: { Y: type },
    inputs: { X: type, SORTED: "u32", IDS: "i32" },
    uniforms: { rows: "u32", segments: "u32", columns: "u32" },
    threads: BLOCK,
    declarations: `var<workgroup> pool : array<${type}, ${BLOCK}>;
// The first place in the order whose segment is at least so much.
fn find(segment : u32) -> u32 {
  var low = 0u;
  var high = uniforms.rows;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (bitcast<u32>(IDS[SORTED[middle]]) < segment) { low = middle + 1u; }
    else { high = middle; }
  }
  return low;
}`,
    // Neighbours are columns of a row, so that they read neighbours.
    code: `let item = group * ${items}u + local % ${items}u;
  let lane = local / ${items}u;
  let isItem = item < uniforms.segments * uniforms.columns;
  let segment = item / uniforms.columns;
  let column = item - segment * uniforms.columns;
  var sum = ${type}(0);
  if (isItem) {
    let end = find(segment + 1u);
    for (var k = find(segment) + lane; k < end; k += ${LANES}u) {
      sum += X[SORTED[k] * uniforms.columns + column];
    }
  }
  pool[local] = sum;
  workgroupBarrier();
  if (lane == 0u && isItem) {
    for (var k = 1u; k < ${LANES}u; k++) { sum += pool[local + k * ${items}u]; }
    Y[item] = sum;
  }`,
  };
}

const SUMS = { float32: sumShader("f32"), int32: sumShader("i32") };

/** The numbers of rows, sorted by segment. */
function sort(
  ids: tf.TensorInfo,
  rows: number,
  segments: number,
): tf.TensorInfo {
  const backend = webGpuBackend();
  const blocks = Math.ceil(rows / BLOCK);
  const counts = output([blocks * BLOCK], "int32");
  const starts = output([blocks * BLOCK], "int32");
  let order = ids; // not read at the first digit
  for (let shift = 0; segments >> shift > 0; shift += 8) {
    const numbers = [rows, segments, shift], sorted = output([rows], "int32");
    runShader(COUNT, [counts], [order, ids], numbers, blocks);
    runShader(SCAN, [starts], [counts], [blocks], 1);
    runShader(SCATTER, [sorted], [order, ids, starts], numbers, blocks);
    if (order !== ids) backend.disposeData(order.dataId);
    order = sorted;
  }
  for (const { dataId } of [counts, starts]) backend.disposeData(dataId);
  return order;
}

/** `unsortedSegmentSum`; ids that are no segment's are left out. */
const segmentSum: KernelFunc = ({ inputs, attrs }) => {
  const { x, segmentIds: ids } = inputs as Record<string, tf.TensorInfo>;
  const { numSegments } = attrs as unknown as tf.UnsortedSegmentSumAttrs;
  const dtype = x!.dtype === "int32" ? "int32" : "float32";
  const shape = [numSegments, ...x!.shape.slice(1)];
  const rows = x!.shape[0]!, columns = sizeFromShape(x!.shape.slice(1));
  const items = numSegments * columns;
  if (items === 0) return output(shape, dtype);
  if (rows === 0) return tf.fill(shape, 0, dtype);
  const y = output(shape, dtype), order = sort(ids!, rows, numSegments);
  runShader(
    SUMS[dtype],
    [y],
    [x!, order, ids!],
    [rows, numSegments, columns],
    Math.ceil(items * LANES / BLOCK),
  );
  webGpuBackend().disposeData(order.dataId);
  return y;
};

/** Replace `UnsortedSegmentSum`: tfjs' adds floats in whatever order threads arrive. */
export function registerSegments(): void {
  replaceKernel("webgpu", tf.UnsortedSegmentSum, () => segmentSum);
}
