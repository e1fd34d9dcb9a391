/**
 * Reductions over any axes: sums in 64 bits, NaN kept, and the right value for no
 * elements.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { permute } from "./moves.ts";
import { runRanges } from "./parallel.ts";
import { REDUCTIONS, STRIP } from "./reduce_code.ts";
import {
  call,
  expectType,
  free,
  output,
  pointer,
  replace,
  share,
  size,
  view,
} from "./registry.ts";

/** A reduction as `outer` times `rows` by `columns`, the rows being reduced. */
interface Plan {
  readonly outer: number;
  readonly rows: number;
  readonly columns: number;
  /** The result's shape. */
  readonly shape: number[];
  /** The axes as they must be permuted first, if they must. */
  readonly perm?: number[];
}

/** `axes` of `shape`, reduced. */
function plan(
  shape: readonly number[],
  axes: readonly number[],
  keepDims: boolean,
): Plan {
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
  if (inside.every((reduced, i) => reduced || shape[first + i] === 1)) {
    return {
      outer: size(shape.slice(0, first)),
      rows: size(shape.slice(first, last + 1)),
      columns: size(shape.slice(last + 1)),
      shape: result,
    };
  }
  const all = shape.map((_, axis) => axis);
  return {
    ...{
      outer: size(kept),
      rows: size(shape) / (size(kept) || 1),
      columns: 1,
      shape: result,
    },
    perm: [...all.filter((axis) => !isReduced[axis]), ...axes],
  };
}

/** Reduce `axes` of `x`; a mean is a sum over `count`. */
function reduce(
  name: string,
  x: tf.TensorInfo,
  axis: number | readonly number[] | undefined,
  keepDims: boolean,
  isMean = false,
): tf.TensorInfo {
  expectType(name.toLowerCase(), x, "float32", "int32", "bool");
  const { empty, number } = REDUCTIONS[name]!;
  const axes = tf.util.parseAxisParam(axis as number[], x.shape);
  let { outer, rows, columns, shape, perm } = plan(x.shape, axes, keepDims);
  const out = output(shape, x.dtype);
  if (outer * columns === 0) return out;
  if (rows === 0) {
    const most = x.dtype === "int32" ? 2 ** 31 - 1 : Infinity;
    view(out).fill(isMean ? NaN : Math.max(-most - 1, Math.min(most, empty)));
    return out;
  }
  if (columns > 1 && x.dtype === "float32" && name === "Prod") {
    perm = [...x.shape.keys()].filter((i) => !axes.includes(i)).concat(axes);
    [outer, columns] = [outer * columns, 1];
  }
  let from = x;
  if (perm) {
    from = output(perm.map((i) => x.shape[i]!), x.dtype);
    permute(
      ...[pointer(x), pointer(from), x.shape, perm] as const,
      tf.util.bytesPerElement(x.dtype),
    );
  }
  if (x.dtype !== "float32") {
    const X = view(from), Y = view(out);
    for (let i = 0; i < Y.length; i++) {
      const at = Math.floor(i / columns) * rows * columns + i % columns;
      let sum = empty;
      for (let row = 0; row < rows; row++) {
        sum = number(sum, X[at + row * columns]!);
      }
      Y[i] = sum;
    }
  } else {
    const [px, py, count] = [pointer(from), pointer(out), isMean ? rows : 1];
    const work = outer * rows * columns / (name === "Prod" ? 1 : 4);
    if (columns === 1) {
      runRanges(`${name}Rows`, outer, work, (first, end) => [
        ...[
          px + 4 * first * rows,
          py + 4 * first,
          end - first,
          4 * rows,
          count,
        ],
      ]);
    } else if (outer === 1) {
      runRanges(`${name}Columns`, columns, work, (first, end) => [
        ...[
          px + 4 * first,
          py + 4 * first,
          rows,
          4 * (end - first),
          count,
          4 * columns,
          1,
        ],
      ], STRIP / 4);
    } else {
      runRanges(`${name}Columns`, outer, work, (first, end) => [
        ...[px + 4 * first * rows * columns, py + 4 * first * columns, rows],
        ...[4 * columns, count, 4 * columns, end - first],
      ]);
    }
  }
  if (from !== x) free(from);
  return out;
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
  const { outer, rows, columns, shape, perm } = plan(x.shape, axes, keepDims);
  const out = output(shape, "bool");
  const from = perm ? output(perm.map((i) => x.shape[i]!), "bool") : share(x);
  if (perm) permute(pointer(x), pointer(from), x.shape, perm, 1);
  const X = view(from), Y = view(out).fill(isAll ? 1 : 0);
  for (let i = 0; i < outer * columns; i++) {
    const at = Math.floor(i / columns) * rows * columns + i % columns;
    for (let row = 0; row < rows; row++) {
      if (!X[at + row * columns] === isAll) Y[i] = isAll ? 0 : 1;
    }
  }
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
  for (const name of Object.keys(REDUCTIONS)) {
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
