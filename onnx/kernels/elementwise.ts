/**
 * Kernels that compute each element by itself.
 *
 * @module
 */
import { TYPES } from "../format.ts";
import type { Graph } from "../graph.ts";
import {
  asMade,
  type Call,
  type Exporter,
  type Exporters,
  FLOATS,
  input,
  namesOf,
  NUMBERS,
  type Operand,
  taking,
  unsupported,
  withInputs,
} from "./kernel.ts";

/** Kernels that are one operator with the same inputs, of any type. */
const SAME: Readonly<Record<string, string>> = {
  Equal: "Equal",
  Identity: "Identity",
  LogicalAnd: "And",
  LogicalNot: "Not",
  LogicalOr: "Or",
  Select: "Where",
};

/** Those whose operator takes numbers. */
const SAME_NUMBERS: Readonly<Record<string, string>> = {
  Abs: "Abs",
  Add: "Add",
  Greater: "Greater",
  GreaterEqual: "GreaterOrEqual",
  Less: "Less",
  LessEqual: "LessOrEqual",
  Maximum: "Max",
  Minimum: "Min",
  Multiply: "Mul",
  Neg: "Neg",
  Pow: "Pow",
  Relu: "Relu",
  Sign: "Sign",
  Sub: "Sub",
};

/** Those whose operator takes floating point. */
const SAME_FLOATS: Readonly<Record<string, string>> = {
  Acos: "Acos",
  Acosh: "Acosh",
  Asin: "Asin",
  Asinh: "Asinh",
  Atan: "Atan",
  Atanh: "Atanh",
  Ceil: "Ceil",
  Cos: "Cos",
  Cosh: "Cosh",
  Elu: "Elu",
  Erf: "Erf",
  Exp: "Exp",
  Floor: "Floor",
  IsNan: "IsNaN",
  Log: "Log",
  Prelu: "PRelu",
  Reciprocal: "Reciprocal",
  Selu: "Selu",
  Sigmoid: "Sigmoid",
  Sin: "Sin",
  Sinh: "Sinh",
  Softplus: "Softplus",
  Sqrt: "Sqrt",
  Tan: "Tan",
  Tanh: "Tanh",
};

const same = (op: string) => (call: Call): string =>
  call.graph.add(op, namesOf(call));

/** A table of kernels as exporters. */
function each(
  table: Readonly<Record<string, string>>,
  exporter: (op: string) => Exporter,
): Exporters {
  return Object.fromEntries(
    Object.entries(table).map(([kernel, op]) => [kernel, exporter(op)]),
  );
}

/** Numbers that are at least `min` and at most `max`. */
function clip(
  graph: Graph,
  x: Pick<Operand, "name" | "dtype">,
  min: number,
  max: number,
): string {
  const bound = (value: number) =>
    x.dtype === "int32"
      ? graph.constant(
        // As a whole number that there is, and as tfjs rounds.
        Int32Array.of(
          Math.trunc(Math.max(-(2 ** 31), Math.min(value, 2 ** 31 - 1))),
        ),
        [],
      )
      : graph.scalar(value);
  return graph.add("Clip", [x.name, bound(min), bound(max)]);
}

/** The activations that kernels of products and convolutions have built in. */
export function activated(call: Call, x: string): string {
  const { graph, attrs, inputs } = call;
  const activation = attrs["activation"] ?? "linear";
  switch (activation) {
    case "linear":
      return x;
    case "relu6":
      return clip(graph, { name: x, dtype: "float32" }, 0, 6);
    case "leakyrelu":
      return graph.add("LeakyRelu", [x], {
        alpha: { float: attrs["leakyreluAlpha"] as number },
      });
    case "prelu":
      return graph.add("PRelu", [x, inputs["preluActivationWeights"]!.name]);
    case "relu":
      return graph.add("Relu", [x]);
    case "elu":
      return graph.add("Elu", [x]);
    case "sigmoid":
      return graph.add("Sigmoid", [x]);
    default:
      return unsupported(`there is no activation ${activation}`);
  }
}

/** Elementwise kernels. */
export const ELEMENTWISE: Exporters = {
  ...each(SAME, same),
  ...each(SAME_NUMBERS, (op) => taking(NUMBERS, same(op))),
  ...each(SAME_FLOATS, (op) => taking(FLOATS, same(op))),
  // Not Sum, which takes no integers.
  AddN: (call) =>
    namesOf(call).reduce((sum, x) => call.graph.add("Add", [sum, x])),
  Cast: (call) => {
    const to = TYPES[call.attrs["dtype"] as keyof typeof TYPES];
    if (to === undefined) unsupported(`a cast to ${call.attrs["dtype"]}`);
    return call.graph.add("Cast", namesOf(call), { to });
  },
  ClipByValue: taking(NUMBERS, (call) => {
    const { clipValueMin: min, clipValueMax: max } = call.attrs;
    return clip(call.graph, input(call, "x"), min as number, max as number);
  }),
  Expm1: taking(FLOATS, (call) => {
    const { graph } = call;
    return graph.add("Sub", [
      graph.add("Exp", namesOf(call)),
      graph.scalar(1),
    ]);
  }),
  FloorDiv: (call) => {
    const quotient = same("Div")(withInputs(FLOATS, call));
    return asMade("float32", call.graph.add("Floor", [quotient]), call);
  },
  LeakyRelu: taking(
    FLOATS,
    (call) =>
      call.graph.add("LeakyRelu", namesOf(call), {
        alpha: { float: call.attrs["alpha"] as number },
      }),
  ),
  Log1p: taking(FLOATS, (call) => {
    const { graph } = call;
    return graph.add("Log", [
      graph.add("Add", [...namesOf(call), graph.scalar(1)]),
    ]);
  }),
  NotEqual: (call) => call.graph.add("Not", [same("Equal")(call)]),
  RealDiv: taking(FLOATS, same("Div")),
  Relu6: taking(NUMBERS, (call) => clip(call.graph, input(call, "x"), 0, 6)),
  Round: (call) => {
    const x = input(call, "x");
    // Whole numbers stay as they are; the operator takes none.
    return x.dtype === "float32" ? same("Round")(call) : x.name;
  },
  Rsqrt: taking(
    FLOATS,
    (call) => call.graph.add("Reciprocal", [same("Sqrt")(call)]),
  ),
  Square: taking(NUMBERS, (call) => {
    const { name } = input(call, "x");
    return call.graph.add("Mul", [name, name]);
  }),
  SquaredDifference: taking(NUMBERS, (call) => {
    const difference = same("Sub")(call);
    return call.graph.add("Mul", [difference, difference]);
  }),
};
