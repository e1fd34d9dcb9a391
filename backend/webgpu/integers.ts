/**
 * Integers on WebGPU: tfjs' shaders take them through float32, which is exact up to
 * 2^24. For kernels that move, compare or add, the same shaders are compiled with
 * integers in place of floats.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type KernelFunc, replaceKernel } from "../kernel.ts";
import { elementProgram, runProgram } from "./program.ts";
import { type ShaderEdit, withEdit } from "./shader_edits.ts";

/** Kernels whose shaders mean the same of integers. */
const KERNELS = [
  tf.Abs,
  tf.Add,
  tf.AddN,
  tf.BatchToSpaceND,
  tf.ClipByValue,
  tf.Concat,
  tf.Cumprod,
  tf.Cumsum,
  tf.DepthToSpace,
  tf.Equal,
  tf.Fill,
  tf.GatherNd,
  tf.GatherV2,
  tf.Greater,
  tf.GreaterEqual,
  tf.Less,
  tf.LessEqual,
  tf.Max,
  tf.Maximum,
  tf.Min,
  tf.Minimum,
  tf.MirrorPad,
  tf.Multiply,
  tf.Neg,
  tf.NotEqual,
  tf.Pack,
  tf.PadV2,
  tf.Prod,
  tf.Relu,
  tf.Reverse,
  tf.ScatterNd,
  tf.Select,
  tf.Sign,
  tf.Slice,
  tf.SpaceToBatchND,
  tf.SparseToDense,
  tf.SplitV,
  tf.Square,
  tf.SquaredDifference,
  tf.StridedSlice,
  tf.Sub,
  tf.Sum,
  tf.TensorScatterUpdate,
  tf.Tile,
  tf.Transpose,
  tf.Unpack,
  tf.UnsortedSegmentSum,
];

/** Expressions in integers, of two operands that broadcast. */
const BINARY: Readonly<Record<string, string>> = {
  [tf.FloorDiv]:
    "select(a / b, a / b - 1, (a % b != 0) && ((a < 0) != (b < 0)))",
  [tf.Mod]: "select(a % b, a % b + b, (a % b != 0) && ((a < 0) != (b < 0)))",
};

/** Integers in place of floats, none of which is NaN. */
const INTEGERS: ShaderEdit = {
  name: "integers",
  applies: (inputs, dtype) =>
    isInteger(dtype) && inputs.every((x) => isInteger(x.dtype)),
  code: (code) =>
    code
      .replaceAll(/\bf32\b/g, "i32")
      .replaceAll(/\b(\d+)\.0?(?![\w.])/g, "$1")
      .replaceAll(/\bround\(/g, "i32(")
      .replaceAll("pow(2, uniforms.index)", "(1 << u32(uniforms.index))")
      .replaceAll(
        /return \(floatToUint & 0x7fffffffu\) > 0x7f800000u;/g,
        "return false;",
      )
      .replaceAll(
        /return \(floatToUint & vec4<u32>\(0x7fffffffu\)\) > [^;]*;/g,
        "return vec4<bool>(false);",
      ),
  uniforms: (uniforms) =>
    uniforms.map(({ type, data }) =>
      type === "float32" ? { type: "int32", data: data.map(nearest) } : {
        type,
        data,
      }
    ),
};

function isInteger(dtype: tf.DataType): boolean {
  return dtype === "int32" || dtype === "bool";
}

/** The nearest of the integers of 32 bits. */
function nearest(x: number): number {
  return Math.trunc(Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, x)));
}

/** Let these kernels compute with integers. */
export function computeWithIntegers(): void {
  for (const name of KERNELS) {
    replaceKernel("webgpu", name, withIntegers, "integers");
  }
  for (const [name, code] of Object.entries(BINARY)) {
    replaceKernel("webgpu", name, (shipped) => binary(shipped, name, code));
  }
  for (const name of [tf.ScatterNd, tf.SparseToDense, tf.TensorScatterUpdate]) {
    replaceKernel("webgpu", name, boolAsInteger, "bool");
  }
  for (const [name, best] of [[tf.ArgMax, tf.Max], [tf.ArgMin, tf.Min]]) {
    replaceKernel("webgpu", name!, (shipped) => argBest(shipped, best!));
  }
}

function withIntegers(shipped: KernelFunc): KernelFunc {
  return (args) => withEdit(INTEGERS, () => shipped(args));
}

/** Scatters of truth values, for which tfjs' shaders do not compile. */
function boolAsInteger(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const entries = Object.entries(args.inputs as Record<string, tf.Tensor>);
    if (!entries.some(([, x]) => x.dtype === "bool")) return shipped(args);
    return tf.tidy(() => {
      const inputs = { ...args.inputs };
      for (const [name, x] of entries) inputs[name] = tf.cast(x, "int32");
      const y = shipped({ ...args, inputs }) as tf.TensorInfo;
      return tf.cast(tf.engine().makeTensorFromTensorInfo(y), "bool");
    });
  };
}

function binary(shipped: KernelFunc, name: string, code: string): KernelFunc {
  const program = elementProgram(`${name}_integers`, ["A", "B"], code);
  return (args) => {
    const { a, b } = args.inputs as Record<string, tf.TensorInfo>;
    const shape = tf.backend_util.assertAndGetBroadcastShape(
      a!.shape,
      b!.shape,
    );
    if (a!.dtype !== "int32" || b!.dtype !== "int32" || shape.includes(0)) {
      return shipped(args);
    }
    return withEdit(
      INTEGERS,
      () => runProgram(program, [a!, b!], shape, "int32"),
    );
  };
}

/** The first place of the largest or smallest integer. */
function argBest(shipped: KernelFunc, kernelName: string): KernelFunc {
  return (args) => {
    const x = args.inputs["x"] as tf.Tensor;
    const { axis } = args.attrs as unknown as { axis: number };
    if (x.shape.includes(0)) return shipped(args);
    if (x.dtype !== "int32") {
      // The shipped kernel makes a vector of the place in a vector.
      const shape = x.shape.toSpliced(axis, 1);
      return { ...shipped(args) as tf.TensorInfo, shape };
    }
    return tf.tidy(() => {
      const best = kernelName === tf.Max
        ? tf.max(x, axis, true)
        : tf.min(x, axis, true);
      return tf.argMax(tf.cast(tf.equal(x, best), "float32"), axis);
    });
  };
}
