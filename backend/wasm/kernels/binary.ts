/**
 * Functions of two elements, with broadcasting that copies nothing.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { recording } from "../../../internal/recording.ts";
import { type F32x4, I32x4, loadSplat } from "../assembler/assembler.ts";
import { eachVector, type Lanes } from "../assembler/lanes.ts";
import { ANY, type Binary, KERNELS } from "./binary_functions.ts";
import { broadcast, eachRows, widened } from "./broadcast.ts";
import { know, storeLanes } from "./elementwise.ts";
import type { Loop } from "./moves.ts";
import { wasmBackend } from "../machine/backend.ts";
import {
  type ParameterName,
  type WasmFunction,
  wasmFunction,
} from "../machine/functions.ts";
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

/** Which operand is one number for the whole row. */
const NEITHER = 0;
/** The first is. */
export const LEFT = 1;
/** The second is. */
export const RIGHT = 2;

const ROWS = {
  addresses: ["a", "b", "y"],
  numbers: ["rows", "aRow", "bRow", "bytes", "single"],
} as const;

/** A kernel's function over rows of floats. */
type RowFunction = WasmFunction<ParameterName<typeof ROWS>>;

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
  const result = isTest ? "bytes" : "words";
  const value = (a: F32x4, b: F32x4) => {
    const value = floats(a, b);
    return value instanceof I32x4 ? value.and(1) : value;
  };
  const fn = wasmFunction(name, ROWS, (f, p) => {
    const { scratch, a, b, y, rows, aRow, bRow, bytes, single } = p;
    const row = (
      left: (lanes: Lanes) => F32x4,
      right: (lanes: Lanes) => F32x4,
    ) => {
      eachVector(f, scratch, bytes, (lanes) => {
        storeLanes(lanes, result, y, value(left(lanes), right(lanes)));
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
  know({
    fn,
    formula: {
      operands: ["words", "words"],
      result,
      value: (_, [a, b]) => value(a as F32x4, b as F32x4),
      cost: 1,
    },
    parameters: [...ROWS.addresses, ...ROWS.numbers],
    layout: "rows",
  });
  return fn;
}

/** Run a kernel of two elements. */
export function binary(
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

/** `a`, `a^2` and `a^3` as products, in one output; undefined for other exponents. */
function smallPower(
  a: tf.TensorInfo,
  b: tf.TensorInfo,
): tf.TensorInfo | undefined {
  if (a.dtype !== "float32" || b.dtype !== "float32") return undefined;
  if (size(b.shape) !== 1 || b.shape.length > a.shape.length) return undefined;
  const exponent = exponentOf(b);
  if (exponent !== 1 && exponent !== 2 && exponent !== 3) return undefined;
  const y = binary("Multiply", KERNELS["Multiply"]!, a, exponent === 1 ? b : a);
  if (exponent === 3 && size(a.shape) > 0) {
    const code = FUNCTIONS.get("Multiply")!;
    floatRows(code, y, a, y, broadcast(a.shape, a.shape, a.shape));
  }
  return y;
}

/** The number that decides how a power is computed: a replay looks at it again, unless it is fixed. */
function exponentOf(x: tf.TensorInfo): number {
  const listener = recording.now?.wasm;
  if (listener && !listener.isFixed(x)) listener.memory();
  return wasmBackend().typedArrayFromHeap(x)[0]!;
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
