/**
 * Changes of element type.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { type KernelFunc, replaceKernel } from "../../kernel.ts";
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
  zeros,
} from "../machine/registry.ts";
import { elementwise } from "./elementwise.ts";

const boolToFloat = elementwise(
  "boolToFloat",
  { operands: { x: "bytes" } },
  (_, { x }) => x.toF32(),
);
const boolToInt = elementwise(
  "boolToInt",
  { operands: { x: "bytes" } },
  (_, { x }) => x.floats(),
);
const intToFloat = elementwise(
  "intToFloat",
  { operands: { x: "words" } },
  (_, { x }) => x.bits().toF32(),
);

/** The element type `dtype`; what is not 0 is true, NaN included. */
function cast(x: tf.TensorInfo, dtype: tf.DataType): tf.TensorInfo {
  if (x.dtype === dtype) return alias(x);
  const out = output(x.shape, dtype);
  if (x.dtype === "bool" && dtype !== "bool") {
    const convert = dtype === "float32" ? boolToFloat : boolToInt;
    convert.run({
      x: pointer(x),
      y: pointer(out),
      bytes: 4 * size(x.shape),
    });
  } else if (x.dtype === "int32" && dtype === "float32") {
    const bytes = 4 * size(x.shape);
    intToFloat.run({ x: pointer(x), y: pointer(out), bytes });
  } else if (dtype === "bool") {
    const from = view(x), to = view(out);
    for (let i = 0; i < from.length; i++) to[i] = from[i] === 0 ? 0 : 1;
  } else view(out).set(view(x));
  return out;
}

/** The real part as `dtype`, or `x` with imaginary part 0. */
function castComplex(x: tf.TensorInfo, dtype: tf.DataType): tf.TensorInfo {
  const isReal = x.dtype !== "complex64";
  const real = isReal ? cast(x, "float32") : call("Real", { input: x });
  const imag = zeros(isReal ? x.shape : [0]);
  const result = isReal ? call("Complex", { real, imag }) : cast(real, dtype);
  free(real, imag);
  return result;
}

/** tfjs' `TopK` reads a bool as four bytes. */
function withoutBool(shipped: KernelFunc): KernelFunc {
  return (args) => {
    expectType("topk", args.inputs["x"] as tf.TensorInfo, "float32", "int32");
    return shipped(args);
  };
}

/** Replace `Cast`, and what does not look at types. */
export function registerCast(): void {
  replaceKernel("wasm", "TopK", withoutBool, "types");
  replace<"x", { dtype: tf.DataType }>("Cast", (args) => {
    const { inputs: { x }, attrs: { dtype } } = args;
    const known = [x.dtype, dtype].every((t) =>
      ["float32", "int32", "bool"].includes(t)
    );
    if (known) return cast(x, dtype);
    if (x.dtype === dtype) return alias(x);
    if (x.dtype === "complex64" || dtype === "complex64") {
      return castComplex(x, dtype);
    }
    throw new TypeError(
      `Cannot cast on WASM: types must be float32, int32 or bool: current values are ${x.dtype} and ${dtype}`,
    );
  });
}
