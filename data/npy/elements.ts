/**
 * The elements of NumPy's files.
 *
 * @module
 */
import { fromFloat16 } from "../../internal/half.ts";
import { own } from "../../internal/own.ts";

/** The values of an array, of the smallest kind that holds those of its dtype. */
export type NpyData =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** An array of a NumPy file. */
export interface NpyArray {
  /** The sizes, outermost first; `[]` for a single number. */
  readonly shape: readonly number[];
  /** The values, last axis fastest, as NumPy's C order. */
  readonly data: NpyData;
}

/** A kind of element in files. */
interface Element {
  /** Bytes of one. */
  readonly width: number;
  /** The values of `bytes`, in this machine's order, little-endian. */
  read(bytes: Uint8Array<ArrayBuffer>, name: string): NpyData;
}

type Values = new (buffer: ArrayBuffer) => NpyData;

function plain(Values: Values, width: number): Element {
  return { width, read: ({ buffer }) => new Values(buffer) };
}

/** The elements by the code of their dtype, without the order of bytes. */
const ELEMENTS: Readonly<Record<string, Element>> = {
  b1: plain(Uint8Array, 1), // NumPy's bool
  u1: plain(Uint8Array, 1),
  i1: plain(Int8Array, 1),
  u2: plain(Uint16Array, 2),
  i2: plain(Int16Array, 2),
  u4: plain(Uint32Array, 4),
  i4: plain(Int32Array, 4),
  u8: {
    width: 8,
    read: ({ buffer }, name) => narrow(new BigUint64Array(buffer), name),
  },
  i8: {
    width: 8,
    read: ({ buffer }, name) => narrow(new BigInt64Array(buffer), name),
  },
  f2: { width: 2, read: ({ buffer }) => fromFloat16(new Uint16Array(buffer)) },
  f4: plain(Float32Array, 4),
  f8: plain(Float64Array, 8),
};

/** 64-bit integers as int32 if all of them are, or else as float64 if that is exact. */
function narrow(
  values: BigInt64Array | BigUint64Array,
  name: string,
): NpyData {
  const numbers = new Float64Array(values.length);
  for (let i = 0; i < numbers.length; i++) numbers[i] = Number(values[i]);
  const unsafe = numbers.find((x) => !Number.isSafeInteger(x));
  if (unsafe !== undefined) {
    throw new RangeError(
      `Cannot read ${name}: 64-bit integers must be within ±2^53: there is ${unsafe}`,
    );
  }
  return numbers.every((x) => (x | 0) === x)
    ? Int32Array.from(numbers)
    : numbers;
}

/** The kind of element and the order of bytes that `descr` says, such as `"<f4"`. */
export function elementOf(
  descr: string,
  name: string,
): { readonly element: Element; readonly isBigEndian: boolean } {
  const [, order, code] = /^([<>|=])([a-z]\d+)$/.exec(descr) ?? [];
  const element = code === undefined ? undefined : own(ELEMENTS, code);
  if (element) return { element, isBigEndian: order === ">" };
  throw new TypeError(
    `Cannot read ${name}: the dtype must be bool, an integer or a float of at most 64 bits: current value is ${descr}`,
  );
}

/** Bytes of elements of `width`, from big-endian. */
export function swapped(
  bytes: Uint8Array<ArrayBuffer>,
  width: number,
): Uint8Array<ArrayBuffer> {
  for (let i = 0; i < bytes.length; i += width) {
    bytes.subarray(i, i + width).reverse();
  }
  return bytes;
}

/** The dtype of an array in files. */
export function descrOf(data: NpyData): string {
  const width = data.BYTES_PER_ELEMENT;
  const kind = data instanceof Float32Array || data instanceof Float64Array
    ? "f"
    : data instanceof Int8Array || data instanceof Int16Array ||
        data instanceof Int32Array
    ? "i"
    : "u";
  return `${width === 1 ? "|" : "<"}${kind}${width}`;
}

/** Values with the last axis fastest, of values with the first axis fastest. */
export function fromFortran<T extends NpyData>(
  data: T,
  shape: readonly number[],
): T {
  const sorted = data.slice() as T;
  const at = shape.map(() => 0);
  const strides = shape.map((_, axis) =>
    shape.slice(0, axis).reduce((a, b) => a * b, 1)
  );
  for (let i = 0; i < data.length; i++) {
    let from = 0;
    for (let axis = 0; axis < at.length; axis++) {
      from += at[axis]! * strides[axis]!;
    }
    sorted[i] = data[from]!;
    for (let axis = at.length - 1; axis >= 0; axis--) {
      if (++at[axis]! < shape[axis]!) break;
      at[axis] = 0;
    }
  }
  return sorted;
}
