/**
 * Functions of two elements, with broadcasting that copies nothing.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type F32x4, I32x4, loadSplat } from "../assembler/assembler.ts";
import { eachVector, type Lanes } from "../assembler/lanes.ts";
import { broadcast, eachRows, widened } from "./broadcast.ts";
import type { Loop } from "./moves.ts";
import { type WasmFunction, wasmFunction } from "../machine/functions.ts";
import {
  alias,
  expectType,
  free,
  output,
  pointer,
  replace,
  size,
  view,
} from "../machine/registry.ts";

/** A kernel: for floats, if there is code for it, and for one pair of numbers. */
interface Binary {
  readonly floats?: (a: F32x4, b: F32x4) => F32x4 | I32x4;
  readonly number: (a: number, b: number) => number;
  /** The result's type, if it is not that of the operands. */
  readonly dtype?: tf.DataType;
  /** What operands may be. Default: float32, int32 and, as 0 and 1, bool. */
  readonly accepts?: readonly tf.DataType[];
  /** tfjs' names of the operands. Default: a and b. */
  readonly inputs?: readonly [string, string];
}

const NUMBERS = ["float32", "int32"] as const;
const ANY = [...NUMBERS, "bool"] as const;

/** A comparison: a mask for floats, 1 or 0 for numbers. */
function comparison(
  floats: (a: F32x4, b: F32x4) => I32x4,
  number: (a: number, b: number) => boolean,
): Binary {
  return {
    floats,
    number: (a, b) => number(a, b) ? 1 : 0,
    dtype: "bool",
  };
}

function logical(number: (a: number, b: number) => number): Binary {
  return { number, dtype: "bool", accepts: ["bool"] };
}

/** The remainder with the sign of the divisor. */
function mod(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

/** Kernels by tfjs' names. */
const KERNELS: Readonly<Record<string, Binary>> = {
  Add: { floats: (a, b) => a.add(b), number: (a, b) => a + b },
  Sub: { floats: (a, b) => a.sub(b), number: (a, b) => a - b },
  Multiply: { floats: (a, b) => a.mul(b), number: Math.imul },
  RealDiv: {
    floats: (a, b) => a.div(b),
    number: (a, b) => a / b,
    accepts: NUMBERS,
  },
  Maximum: { floats: (a, b) => a.max(b), number: Math.max },
  Minimum: { floats: (a, b) => a.min(b), number: Math.min },
  SquaredDifference: {
    floats: (a, b) => a.sub(b).mul(a.sub(b)),
    number: (a, b) => Math.imul(a - b, a - b),
  },
  Prelu: {
    floats: (a, b) => a.lt(0).select(a.mul(b), a),
    number: (a, b) => a < 0 ? a * b : a,
    accepts: NUMBERS,
    inputs: ["x", "alpha"],
  },
  EluGrad: {
    // Of the gradient and the output: e^x - 1 is y, so e^x is y + 1.
    floats: (a, b) => b.lt(0).select(a.mul(b.add(1)), a),
    number: (a, b) => b < 0 ? a * (b + 1) : a,
    accepts: NUMBERS,
    inputs: ["dy", "y"],
  },
  FloorDiv: {
    number: (a, b) => Math.floor(a / b),
    dtype: "int32",
    accepts: NUMBERS,
  },
  Mod: { number: mod, accepts: NUMBERS },
  Pow: { number: Math.pow, accepts: NUMBERS },
  Equal: comparison((a, b) => a.eq(b), (a, b) => a === b),
  NotEqual: comparison((a, b) => a.ne(b), (a, b) => a !== b),
  Greater: comparison((a, b) => a.gt(b), (a, b) => a > b),
  GreaterEqual: comparison((a, b) => a.ge(b), (a, b) => a >= b),
  Less: comparison((a, b) => a.lt(b), (a, b) => a < b),
  LessEqual: comparison((a, b) => a.le(b), (a, b) => a <= b),
  LogicalAnd: logical((a, b) => a & b),
  LogicalOr: logical((a, b) => a | b),
  LogicalXor: logical((a, b) => a ^ b),
};

/** Which operand is one number for the whole row. */
const NEITHER = 0, LEFT = 1, RIGHT = 2;

const ROWS = [
  "a",
  "b",
  "y",
  "rows",
  "aRow",
  "bRow",
  "bytes",
  "single",
] as const;

/** A kernel's function over rows of floats. */
type RowFunction = WasmFunction<typeof ROWS[number]>;

/** For each kernel that has code, its function. */
const FUNCTIONS: ReadonlyMap<string, RowFunction> = new Map(
  Object.entries(KERNELS).flatMap(([name, { floats, dtype }]) =>
    floats ? [[name, rowFunction(name, floats, dtype === "bool")]] : []
  ),
);

function rowFunction(
  name: string,
  floats: NonNullable<Binary["floats"]>,
  isTest: boolean,
): RowFunction {
  return wasmFunction(name, ROWS, (f, p) => {
    const { scratch, a, b, y, rows, aRow, bRow, bytes, single } = p;
    const row = (
      left: (lanes: Lanes) => F32x4,
      right: (lanes: Lanes) => F32x4,
    ) => {
      eachVector(f, scratch, bytes, (lanes) => {
        const value = floats(left(lanes), right(lanes));
        if (value instanceof I32x4) lanes.storeBytes(y, value.and(1));
        else lanes.store(y, value);
      }, 2);
    };
    f.for(rows, 1, () => {
      f.if(single.eq(NEITHER), () => {
        row((lanes) => lanes.load(a), (lanes) => lanes.load(b));
      }, () => {
        f.if(single.eq(LEFT), () => {
          const x = f.let(loadSplat(a));
          row(() => x, (lanes) => lanes.load(b));
        }, () => {
          const x = f.let(loadSplat(b));
          row((lanes) => lanes.load(a), () => x);
        });
      });
      f.set(a, a.add(aRow));
      f.set(b, b.add(bRow));
      f.set(y, y.add(isTest ? bytes.shr(2) : bytes));
    });
  });
}

/** Run a kernel of two elements. */
function binary(
  name: string,
  kernel: Binary,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
): tf.TensorInfo {
  const { dtype = a.dtype, accepts = ANY, number } = kernel;
  expectType(name, a, ...accepts);
  expectType(name, b, a.dtype);
  const shape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
  const y = output(shape, dtype);
  if (size(shape) === 0) return y;
  const loops = broadcast(a.shape, b.shape, shape);
  const code = FUNCTIONS.get(name);
  if (code && a.dtype === "float32") floatRows(code, a, b, y, loops);
  else {
    const isPower = a.dtype === "float32" && name === "Pow";
    numberRows(a, b, y, loops, isPower ? power : number);
  }
  return y;
}

/** `a^2` and `a^3` as products; undefined for other exponents. */
function smallPower(
  a: tf.TensorInfo,
  b: tf.TensorInfo,
): tf.TensorInfo | undefined {
  if (a.dtype !== "float32" || b.dtype !== "float32") return undefined;
  if (size(b.shape) !== 1 || b.shape.length > a.shape.length) return undefined;
  const [exponent] = view(b);
  if (exponent !== 2 && exponent !== 3) return undefined;
  const square = binary("Multiply", KERNELS["Multiply"]!, a, a);
  if (exponent === 2) return square;
  const cube = binary("Multiply", KERNELS["Multiply"]!, square, a);
  free(square);
  return cube;
}

/** `a^b`: small exponents without the general function. */
function power(a: number, b: number): number {
  if (b === 2) return a * a;
  if (b === 0.5) return a === -Infinity ? Infinity : Math.sqrt(a);
  if (b === 3) return a * a * a;
  return Math.pow(a, b);
}

function floatRows(
  code: RowFunction,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  y: tf.TensorInfo,
  loops: readonly Loop[],
) {
  const py = pointer(y), width = tf.util.bytesPerElement(y.dtype);
  widened([pointer(a), pointer(b)], loops, (pa, pb, loops, done) => {
    floatLoops(code, pa, pb, py + width * done, width, loops);
  });
}

function floatLoops(
  code: RowFunction,
  pa: number,
  pb: number,
  py: number,
  width: number,
  loops: readonly Loop[],
) {
  eachRows(loops, (rows, inner, i, j, o) => {
    const single = inner.in === 0 ? LEFT : inner.out === 0 ? RIGHT : NEITHER;
    const a = pa + 4 * i, b = pb + 4 * j, y = py + width * o;
    const work = rows.n * inner.n / 4;
    if (rows.n === 1) {
      return code.ranges(inner.n, work, (first, end) => ({
        a: a + 4 * first * inner.in,
        b: b + 4 * first * inner.out,
        y: y + width * first,
        rows: 1,
        aRow: 0,
        bRow: 0,
        bytes: 4 * (end - first),
        single,
      }), 4);
    }
    code.ranges(rows.n, work, (first, end) => ({
      a: a + 4 * first * rows.in,
      b: b + 4 * first * rows.out,
      y: y + width * first * inner.n,
      rows: end - first,
      aRow: 4 * rows.in,
      bRow: 4 * rows.out,
      bytes: 4 * inner.n,
      single,
    }));
  });
}

function numberRows(
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  y: tf.TensorInfo,
  loops: readonly Loop[],
  number: Binary["number"],
) {
  const [A, B, Y] = [view(a), view(b), view(y)];
  const isBool = y.dtype === "bool";
  eachRows(loops, (rows, inner, i, j, o) => {
    for (let row = 0; row < rows.n; row++) {
      let p = i + row * rows.in, q = j + row * rows.out;
      for (let k = 0; k < inner.n; k++, p += inner.in, q += inner.out) {
        const value = number(A[p]!, B[q]!);
        Y[o++] = isBool ? Number(value !== 0) : value;
      }
    }
  });
}

/** Replace kernels of two elements. */
export function registerBinary(): void {
  for (const [name, kernel] of Object.entries(KERNELS)) {
    const [left, right] = kernel.inputs ?? ["a", "b"];
    replace<string, unknown>(
      name,
      ({ inputs }) => binary(name, kernel, inputs[left]!, inputs[right]!),
    );
  }
  replace<"a" | "b", unknown>(
    "Pow",
    ({ inputs: { a, b } }) =>
      smallPower(a, b) ?? binary("Pow", KERNELS["Pow"]!, a, b),
  );
  replace<"x", unknown>("LogicalNot", ({ inputs: { x } }) => {
    expectType("logicalNot", x, "bool");
    const y = output(x.shape, "bool"), from = view(x), to = view(y);
    for (let i = 0; i < from.length; i++) to[i] = from[i] ? 0 : 1;
    return y;
  });
  replace<string, unknown>("AddN", ({ inputs }) => {
    const [first, ...rest] = Object.values(inputs) as [
      tf.TensorInfo,
      ...tf.TensorInfo[],
    ];
    if (rest.length === 0) return alias(first);
    return rest.reduce((sum, x, i) => {
      const next = binary("Add", KERNELS["Add"]!, sum, x);
      if (i) free(sum);
      return next;
    }, first);
  });
}
