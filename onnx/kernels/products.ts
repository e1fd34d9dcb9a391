/**
 * Products of matrices, reductions and softmax.
 *
 * @module
 */
import { TYPES } from "../format.ts";
import { activated } from "./elementwise.ts";
import {
  type Call,
  type Exporter,
  type Exporters,
  FLOATS,
  input,
  NUMBERS,
  type Operand,
  taking,
} from "./kernel.ts";

/** A matrix, or matrices, with the last two axes exchanged if `isTransposed`. */
function factor(call: Call, x: Operand, isTransposed: unknown): string {
  if (!isTransposed) return x.name;
  const rank = x.dims.length;
  const perm = x.dims.map((_, axis) =>
    axis < rank - 2 ? axis : axis === rank - 2 ? rank - 1 : rank - 2
  );
  return call.graph.add("Transpose", [x.name], { perm });
}

function product(call: Call): string {
  const { transposeA, transposeB } = call.attrs;
  return call.graph.add("MatMul", [
    factor(call, input(call, "a"), transposeA),
    factor(call, input(call, "b"), transposeB),
  ]);
}

function fusedProduct(call: Call): string {
  const y = product(call), { bias } = call.inputs;
  return activated(call, bias ? call.graph.add("Add", [y, bias.name]) : y);
}

/** The axes that a kernel reduces, from 0. */
function axesOf(call: Call, x: Operand): number[] {
  const rank = x.dims.length;
  const { axis, reductionIndices } = call.attrs;
  // tfjs leaves all axes undefined in some kernels, null in others.
  const given = (axis ?? reductionIndices ?? null) as number | number[] | null;
  const axes = given === null ? x.dims.map((_, axis) => axis) : [given].flat();
  return axes.map((axis) => axis < 0 ? axis + rank : axis);
}

/** Reduces some axes; `axes` is a setting of all operators but ReduceSum. */
const reduce = (op: string) => (call: Call): string => {
  const { graph } = call, x = input(call, "x");
  const axes = axesOf(call, x), keepdims = call.attrs["keepDims"] ? 1 : 0;
  if (axes.length === 0) return graph.add("Identity", [x.name]);
  return op === "ReduceSum"
    ? graph.add(op, [x.name, graph.integers(axes)], { keepdims })
    : graph.add(op, [x.name], { axes, keepdims });
};

const argument = (op: string): Exporter => (call) => {
  const { graph } = call, x = input(call, "x");
  const [axis] = axesOf(call, x);
  const index = graph.add(op, [x.name], { axis: axis ?? 0, keepdims: 0 });
  return graph.add("Cast", [index], { to: TYPES.int32 });
};

const alongLast = (op: string): Exporter => (call) => {
  const logits = input(call, "logits");
  return call.graph.add(op, [logits.name], { axis: logits.dims.length - 1 });
};

/** Kernels of products and reductions. */
export const PRODUCTS: Exporters = {
  _FusedMatMul: fusedProduct,
  // All is the minimum of 0 and 1, Any the maximum.
  All: taking(["int32"], reduce("ReduceMin")),
  Any: taking(["int32"], reduce("ReduceMax")),
  ArgMax: argument("ArgMax"),
  ArgMin: argument("ArgMin"),
  BatchMatMul: product,
  Cumsum: (call) => {
    const { graph } = call, x = input(call, "x");
    const [axis] = axesOf(call, x);
    return graph.add("CumSum", [x.name, graph.integers([axis!])], {
      exclusive: call.attrs["exclusive"] ? 1 : 0,
      reverse: call.attrs["reverse"] ? 1 : 0,
    });
  },
  LogSoftmax: alongLast("LogSoftmax"),
  Max: taking(NUMBERS, reduce("ReduceMax")),
  Mean: taking(FLOATS, reduce("ReduceMean")),
  Min: taking(NUMBERS, reduce("ReduceMin")),
  Prod: reduce("ReduceProd"),
  Softmax: alongLast("Softmax"),
  Sum: reduce("ReduceSum"),
};
