/**
 * Reductions over any axes: sums in 64 bits, NaN kept, and the right value for no
 * elements.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { permute } from "./moves.ts";
import { FUNCTIONS, type ReductionName, STRIP } from "./reduce_code.ts";
import {
  alias,
  call,
  expectType,
  free,
  output,
  pointer,
  replace,
  size,
  view,
} from "../machine/registry.ts";

/** For each reduction, the result for no elements, and one more number. */
const NUMBERS: Readonly<
  Record<
    ReductionName,
    { empty: number; add: (result: number, x: number) => number }
  >
> = {
  Sum: { empty: 0, add: (x, y) => x + y },
  Prod: { empty: 1, add: (x, y) => x * y },
  Max: { empty: -Infinity, add: Math.max },
  Min: { empty: Infinity, add: Math.min },
};

/** A reduction as `outer` times `rows` by `columns`, the rows being reduced. */
interface Blocks {
  readonly outer: number;
  readonly rows: number;
  readonly columns: number;
  /** The result's shape. */
  readonly shape: number[];
  /** The axes as they must be permuted first, if they must. */
  readonly perm?: number[];
}

/** `axes` of `shape`, reduced; `asRows` where there is no code for columns. */
function blocksOf(
  shape: readonly number[],
  axes: readonly number[],
  keepDims: boolean,
  asRows = false,
): Blocks {
  const [kept] = tf.backend_util.computeOutAndReduceShapes([...shape], [
    ...axes,
  ]);
  const result = keepDims
    ? tf.backend_util.expandShapeToKeepDim(kept, [...axes])
    : kept;
  const isReduced = shape.map((_, axis) => axes.includes(axis));
  const first = isReduced.indexOf(true), last = isReduced.lastIndexOf(true);
  const inside = isReduced.slice(first, last + 1);
  // Axes of length 1 between reduced ones change nothing.
  if (first < 0) {
    return { outer: size(shape), rows: 1, columns: 1, shape: result };
  }
  const isBlock = inside.every((reduced, i) =>
    reduced || shape[first + i] === 1
  );
  if (isBlock && !(asRows && last < shape.length - 1)) {
    return {
      outer: size(shape.slice(0, first)),
      rows: size(shape.slice(first, last + 1)),
      columns: size(shape.slice(last + 1)),
      shape: result,
    };
  }
  const all = shape.map((_, axis) => axis);
  return {
    outer: size(kept),
    rows: size(shape) / (size(kept) || 1),
    columns: 1,
    shape: result,
    perm: [...all.filter((axis) => !isReduced[axis]), ...axes],
  };
}

/** `x` with its axes in the order that the blocks need; to be freed. */
function arranged(x: tf.TensorInfo, { perm }: Blocks): tf.TensorInfo {
  if (!perm) return alias(x);
  const result = output(perm.map((axis) => x.shape[axis]!), x.dtype);
  const bytes = tf.util.bytesPerElement(x.dtype);
  permute(pointer(x), pointer(result), x.shape, perm, bytes);
  return result;
}

/** Reduce `axis` of `x`; a mean is a sum, divided by how many there are. */
function reduce(
  name: ReductionName,
  x: tf.TensorInfo,
  axis: number | readonly number[] | undefined,
  keepDims: boolean,
  isMean = false,
): tf.TensorInfo {
  expectType(name.toLowerCase(), x, "float32", "int32", "bool");
  const { empty, add } = NUMBERS[name];
  const axes = tf.util.parseAxisParam(axis as number[], x.shape);
  const how = blocksOf(x.shape, axes, keepDims, name === "Prod");
  const out = output(how.shape, x.dtype);
  if (how.outer * how.columns === 0) return out;
  if (how.rows === 0) {
    const most = x.dtype === "int32" ? 2 ** 31 - 1 : Infinity;
    view(out).fill(isMean ? NaN : Math.max(-most - 1, Math.min(most, empty)));
    return out;
  }
  const from = arranged(x, how);
  if (x.dtype === "float32") reduceFloats(name, from, out, how, isMean);
  else reduceNumbers(from, out, how, empty, add);
  free(from);
  return out;
}

function reduceFloats(
  name: ReductionName,
  x: tf.TensorInfo,
  out: tf.TensorInfo,
  { outer, rows, columns }: Blocks,
  isMean: boolean,
) {
  const count = isMean ? rows : 1, line = 4 * columns, block = line * rows;
  const work = outer * rows * columns / (name === "Prod" ? 1 : 4);
  const functions = FUNCTIONS[name];
  if (columns === 1) {
    functions.rows.ranges(outer, work, (first, end) => ({
      x: pointer(x) + block * first,
      y: pointer(out) + 4 * first,
      rows: end - first,
      bytes: block,
      count,
    }));
  } else if (outer === 1) {
    functions.columns!.ranges(columns, work, (first, end) => ({
      x: pointer(x) + 4 * first,
      y: pointer(out) + 4 * first,
      rows,
      bytes: 4 * (end - first),
      count,
      rowBytes: line,
      outer: 1,
    }), STRIP / 4);
  } else {
    functions.columns!.ranges(outer, work, (first, end) => ({
      x: pointer(x) + block * first,
      y: pointer(out) + line * first,
      rows,
      bytes: line,
      count,
      rowBytes: line,
      outer: end - first,
    }));
  }
}

/** Reduce whatever is no float, one by one. */
function reduceNumbers(
  x: tf.TensorInfo,
  out: tf.TensorInfo,
  { rows, columns }: Blocks,
  empty: number,
  number: (sum: number, x: number) => number,
) {
  const from = view(x), to = view(out);
  for (let i = 0; i < to.length; i++) {
    const first = Math.floor(i / columns) * rows * columns + i % columns;
    let sum = empty;
    for (let row = 0; row < rows; row++) {
      sum = number(sum, from[first + row * columns]!);
    }
    to[i] = sum;
  }
}

/** Whether all, or any, are true. */
function test(
  x: tf.TensorInfo,
  axis: number | readonly number[] | undefined,
  keepDims: boolean,
  isAll: boolean,
): tf.TensorInfo {
  expectType(isAll ? "all" : "any", x, "bool");
  const axes = tf.util.parseAxisParam(axis as number[], x.shape);
  const how = blocksOf(x.shape, axes, keepDims),
    out = output(how.shape, "bool");
  const from = arranged(x, how);
  if (isAll) reduceNumbers(from, out, how, 1, (all, x) => all && x);
  else reduceNumbers(from, out, how, 0, (any, x) => any || x);
  free(from);
  return out;
}

/** The options of reductions, under both of tfjs' names. */
interface ReduceAttrs {
  readonly axis?: number | number[];
  readonly reductionIndices?: number | number[];
  readonly keepDims?: boolean;
}

/** Replace reductions. */
export function registerReductions(): void {
  for (const name of Object.keys(FUNCTIONS) as ReductionName[]) {
    replace<"x", ReduceAttrs>(name, ({ inputs: { x }, attrs }) => {
      const { axis = attrs.reductionIndices, keepDims = false } = attrs;
      if (x.dtype !== "bool" || name === "Max" || name === "Min") {
        return reduce(name, x, axis, keepDims);
      }
      // How many are true, or whether all are, as integers.
      const integers = call("Cast", { x }, { dtype: "int32" });
      const result = reduce(name, integers, axis, keepDims);
      free(integers);
      return result;
    });
  }
  replace<"x", ReduceAttrs>(
    "Mean",
    ({ inputs: { x }, attrs: { axis, keepDims = false } }) => {
      if (x.dtype === "float32") return reduce("Sum", x, axis, keepDims, true);
      const floats = output(x.shape);
      view(floats).set(view(x));
      const mean = reduce("Sum", floats, axis, keepDims, true);
      free(floats);
      return mean;
    },
  );
  replace<"x", ReduceAttrs>(
    "All",
    ({ inputs: { x }, attrs: { axis, keepDims = false } }) =>
      test(x, axis, keepDims, true),
  );
  replace<"x", ReduceAttrs>(
    "Any",
    ({ inputs: { x }, attrs: { axis, keepDims = false } }) =>
      test(x, axis, keepDims, false),
  );
}
