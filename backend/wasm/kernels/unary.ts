/**
 * Functions of one element, four at a time: within about two units in the last
 * place, and NaN stays NaN.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { type KernelFunc, replaceKernel } from "../../kernel.ts";
import {
  type Body,
  F32x4,
  floatBits,
  type I32x4,
} from "../assembler/assembler.ts";
import {
  copySign,
  erf,
  exp,
  expm1,
  log,
  log1p,
  sigmoid,
  softplus,
  tanh,
} from "../assembler/math.ts";
import {
  call,
  expectType,
  free,
  output,
  pointer,
  replace,
  size,
  view,
} from "../machine/registry.ts";
import { elementwise } from "./elementwise.ts";

/** Options of a kernel as two numbers. */
type Numbers = readonly [number, number];

/** A kernel: for floats, for one integer, and how it reads its options. */
interface Unary {
  readonly floats: (f: Body, x: F32x4, p: F32x4, q: F32x4) => F32x4;
  readonly integer: (x: number, p: number, q: number) => number;
  readonly numbers?: (attrs: Record<string, number>) => Numbers;
  /** Whether integers become floats. Default: the result has the input's type. */
  readonly toFloats?: boolean;
  /** Nanoseconds for four elements, about. */
  readonly cost?: number;
}

const SELU = { scale: 1.0507009873554805, alpha: 1.6732632423543772 };

/** `x` where it is NaN, `value` elsewhere. */
function keepNaN(x: F32x4, value: F32x4): F32x4 {
  return x.eq(x).select(value, x);
}

/** Kernels by tfjs' names. */
const KERNELS: Readonly<Record<string, Unary>> = {
  Abs: { floats: (_, x) => x.abs(), integer: Math.abs },
  Neg: { floats: (_, x) => x.neg(), integer: (x) => -x },
  Square: { floats: (_, x) => x.mul(x), integer: (x) => Math.imul(x, x) },
  Sqrt: { floats: (_, x) => x.sqrt(), integer: Math.sqrt },
  Rsqrt: {
    floats: (_, x) => F32x4.of(1).div(x.sqrt()),
    integer: (x) => 1 / Math.sqrt(x),
  },
  Reciprocal: { floats: (_, x) => F32x4.of(1).div(x), integer: (x) => 1 / x },
  Floor: { floats: (_, x) => x.floor(), integer: (x) => x },
  Ceil: { floats: (_, x) => x.ceil(), integer: (x) => x },
  Round: { floats: (_, x) => x.nearest(), integer: (x) => x },
  Sign: {
    floats: (_, x) =>
      x.eq(0).select(F32x4.of(0), keepNaN(x, copySign(F32x4.of(1), x))),
    integer: Math.sign,
  },
  Relu: { floats: (_, x) => x.pmax(0), integer: (x) => Math.max(0, x) },
  Relu6: {
    floats: (_, x) => x.pmax(0).pmin(6),
    integer: (x) => Math.min(6, Math.max(0, x)),
  },
  LeakyRelu: {
    floats: (_, x, p) => x.lt(0).select(x.mul(p), x),
    integer: (x, p) => x < 0 ? p * x : x,
    numbers: ({ alpha }) => [alpha!, 0],
    toFloats: true,
  },
  ClipByValue: {
    floats: (_, x, p, q) => x.pmax(p).pmin(q),
    integer: (x, p, q) => Math.min(q, Math.max(p, x)),
    numbers: ({ clipValueMin, clipValueMax }) => [clipValueMin!, clipValueMax!],
  },
  Step: {
    floats: (_, x, p) => keepNaN(x, x.gt(0).select(F32x4.of(1), p)),
    integer: (x, p) => x > 0 ? 1 : p,
    numbers: ({ alpha }) => [alpha ?? 0, 0],
  },
  Exp: { floats: exp, integer: Math.exp, toFloats: true, cost: 5 },
  Expm1: { floats: expm1, integer: Math.expm1, cost: 12 },
  Log: { floats: log, integer: Math.log, cost: 6 },
  Log1p: { floats: log1p, integer: Math.log1p, cost: 8 },
  Tanh: { floats: tanh, integer: Math.tanh, cost: 8 },
  Sigmoid: { floats: sigmoid, integer: (x) => 1 / (1 + Math.exp(-x)), cost: 6 },
  Softplus: {
    floats: softplus,
    integer: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    cost: 14,
  },
  Erf: { floats: erf, integer: Math.sign, cost: 8 },
  Elu: {
    floats: (f, x) => x.lt(0).select(expm1(f, x), x),
    integer: (x) => x < 0 ? Math.expm1(x) : x,
    cost: 12,
  },
  Selu: {
    floats: (f, x) => {
      const negative = expm1(f, x).mul(SELU.scale * SELU.alpha);
      return x.lt(0).select(negative, x.mul(SELU.scale));
    },
    integer: (x) => SELU.scale * (x < 0 ? SELU.alpha * Math.expm1(x) : x),
    cost: 12,
  },
};

/** Tests of one element: their result is bool. */
const TESTS: Readonly<Record<string, (x: F32x4) => I32x4>> = {
  IsNan: (x) => x.ne(x),
  IsInf: (x) => x.abs().eq(Infinity),
  IsFinite: (x) => x.abs().lt(Infinity),
};

const FUNCTIONS = Object.entries(KERNELS).map(([name, kernel]) => ({
  name,
  kernel,
  apply: elementwise(name, {
    operands: { x: "words" },
    numbers: ["p", "q"],
    cost: kernel.cost ?? 1,
    unroll: kernel.cost ? 1 : 2,
  }, (f, { x }, { p, q }) => kernel.floats(f, x, p, q)),
}));

const TEST_FUNCTIONS = Object.entries(TESTS).map(([name, test]) => ({
  name,
  apply: elementwise(
    name,
    { operands: { x: "words" }, result: "bytes" },
    (_, { x }) => test(x).and(1),
  ),
}));

/** Where `sin x` and `tan x` are `x` in float32. */
const TINY = 1e-4;

/**
 * tfjs' sine is off by 2e-7 for negative numbers, and sine and tangent lose tiny
 * ones: they are those of the positive number, or the number itself.
 */
function nearZero(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const x = args.inputs["x"] as tf.TensorInfo;
    const positive = call("Abs", { x });
    const y = shipped({ ...args, inputs: { x: positive } }) as tf.TensorInfo;
    const from = view(x), to = view(y);
    for (let i = 0; i < to.length; i++) {
      const v = from[i]!;
      if (Math.abs(v) < TINY) to[i] = v;
      else if (v < 0) to[i] = -to[i]!;
    }
    free(positive);
    return y;
  };
}

/** Replace kernels of one element. */
export function registerUnary(): void {
  replaceKernel("wasm", "Sin", nearZero);
  replaceKernel("wasm", "Tan", nearZero);
  for (const { name, kernel, apply } of FUNCTIONS) {
    const { integer, numbers, cost = 1 } = kernel;
    replace<"x", Record<string, number>>(name, ({ inputs: { x }, attrs }) => {
      expectType(name, x, "float32", "int32");
      const dtype = kernel.toFloats ? "float32" : x.dtype;
      const y = output(x.shape, dtype), n = size(x.shape);
      const [p, q] = numbers?.(attrs) ?? [0, 0];
      if (x.dtype === "int32") {
        const from = view(x), to = view(y);
        for (let i = 0; i < n; i++) to[i] = integer(from[i]!, p, q);
        return y;
      }
      apply.ranges(n, n * cost / 4, (first, end) => ({
        x: pointer(x) + 4 * first,
        y: pointer(y) + 4 * first,
        bytes: 4 * (end - first),
        p: floatBits(p),
        q: floatBits(q),
      }), 4);
      return y;
    });
  }
  for (const { name, apply } of TEST_FUNCTIONS) {
    replace<"x", unknown>(name, ({ inputs: { x } }) => {
      const y = output(x.shape, "bool"), n = size(x.shape);
      if (x.dtype !== "float32") {
        view(y).fill(name === "IsFinite" ? 1 : 0);
        return y;
      }
      apply.ranges(n, n / 4, (first, end) => ({
        x: pointer(x) + 4 * first,
        y: pointer(y) + first,
        bytes: 4 * (end - first),
      }), 4);
      return y;
    });
  }
}
