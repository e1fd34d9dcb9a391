/**
 * Kernels that compute each element by itself.
 *
 * @module
 */
import { TYPES } from "../format.ts";
import type { Graph } from "../graph.ts";
import {
  type Call,
  type Exporter,
  type Exporters,
  input,
  namesOf,
  unsupported,
} from "./kernel.ts";

/** Kernels that are one operator with the same inputs. */
const SAME: Readonly<Record<string, string>> = {
  Abs: "Abs",
  Acos: "Acos",
  Acosh: "Acosh",
  Add: "Add",
  AddN: "Sum",
  Asin: "Asin",
  Asinh: "Asinh",
  Atan: "Atan",
  Atanh: "Atanh",
  Ceil: "Ceil",
  Cos: "Cos",
  Cosh: "Cosh",
  Elu: "Elu",
  Equal: "Equal",
  Erf: "Erf",
  Exp: "Exp",
  Floor: "Floor",
  Greater: "Greater",
  GreaterEqual: "GreaterOrEqual",
  Identity: "Identity",
  IsNan: "IsNaN",
  Less: "Less",
  LessEqual: "LessOrEqual",
  Log: "Log",
  LogicalAnd: "And",
  LogicalNot: "Not",
  LogicalOr: "Or",
  Maximum: "Max",
  Minimum: "Min",
  Multiply: "Mul",
  Neg: "Neg",
  Pow: "Pow",
  Prelu: "PRelu",
  Reciprocal: "Reciprocal",
  Relu: "Relu",
  Round: "Round",
  Select: "Where",
  Selu: "Selu",
  Sigmoid: "Sigmoid",
  Sign: "Sign",
  Sin: "Sin",
  Sinh: "Sinh",
  Softplus: "Softplus",
  Sqrt: "Sqrt",
  Sub: "Sub",
  Tan: "Tan",
  Tanh: "Tanh",
};

const same = (op: string): Exporter => (call) =>
  call.graph.add(op, namesOf(call));

/** A value as float32. */
function asFloat(call: Call, name: string): string {
  const { name: value, dtype } = input(call, name);
  return dtype === "float32"
    ? value
    : call.graph.add("Cast", [value], { to: TYPES.float32 });
}

/** Rectified, at most 6. */
function clip(graph: Graph, x: string, min: number, max: number): string {
  return graph.add("Clip", [x, graph.scalar(min), graph.scalar(max)]);
}

/** The activations that kernels of products and convolutions have built in. */
export function activated(call: Call, x: string): string {
  const { graph, attrs, inputs } = call;
  const activation = attrs["activation"] ?? "linear";
  switch (activation) {
    case "linear":
      return x;
    case "relu6":
      return clip(graph, x, 0, 6);
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
  ...Object.fromEntries(
    Object.entries(SAME).map(([kernel, op]) => [kernel, same(op)]),
  ),
  Cast: (call) => {
    const to = TYPES[call.attrs["dtype"] as keyof typeof TYPES];
    if (to === undefined) unsupported(`a cast to ${call.attrs["dtype"]}`);
    return call.graph.add("Cast", namesOf(call), { to });
  },
  ClipByValue: (call) => {
    const { clipValueMin: min, clipValueMax: max } = call.attrs;
    return clip(
      call.graph,
      input(call, "x").name,
      min as number,
      max as number,
    );
  },
  Expm1: (call) => {
    const { graph } = call;
    return graph.add("Sub", [
      graph.add("Exp", namesOf(call)),
      graph.scalar(1),
    ]);
  },
  FloorDiv: (call) => {
    const { graph } = call, [a, b] = [asFloat(call, "a"), asFloat(call, "b")];
    const y = graph.add("Floor", [graph.add("Div", [a, b])]);
    const to = call.outputs[0]!.dtype as keyof typeof TYPES;
    return to === "int32" ? graph.add("Cast", [y], { to: TYPES.int32 }) : y;
  },
  LeakyRelu: (call) =>
    call.graph.add("LeakyRelu", namesOf(call), {
      alpha: { float: call.attrs["alpha"] as number },
    }),
  Log1p: (call) => {
    const { graph } = call;
    return graph.add("Log", [
      graph.add("Add", [...namesOf(call), graph.scalar(1)]),
    ]);
  },
  NotEqual: (call) =>
    call.graph.add("Not", [call.graph.add("Equal", namesOf(call))]),
  RealDiv: (call) =>
    call.graph.add("Div", [asFloat(call, "a"), asFloat(call, "b")]),
  Relu6: (call) => clip(call.graph, input(call, "x").name, 0, 6),
  Rsqrt: ({ graph, ...call }) =>
    graph.add("Reciprocal", [
      graph.add("Sqrt", namesOf({ graph, ...call })),
    ]),
  Square: (call) => {
    const { name } = input(call, "x");
    return call.graph.add("Mul", [name, name]);
  },
  SquaredDifference: (call) => {
    const difference = call.graph.add("Sub", namesOf(call));
    return call.graph.add("Mul", [difference, difference]);
  },
};
