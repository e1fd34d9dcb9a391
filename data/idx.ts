/**
 * The IDX format of MNIST: a magic number with element type and rank, the sizes
 * of the axes, then the values, big-endian.
 *
 * @module
 */
import { checkOptions } from "../internal/check.ts";
import { READ_RULES, readBytes, type ReadOptions } from "./files.ts";

/** The values of an IDX file, by its element type. */
export type IdxData =
  | Uint8Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** The contents of an IDX file. */
export interface IdxArray {
  /** The sizes, outermost first: `[60000, 28, 28]` for the images of MNIST. */
  readonly shape: readonly number[];
  /** The values, last axis fastest. */
  readonly data: IdxData;
}

type ElementType = readonly [
  Values: new (length: number) => IdxData,
  read: `get${"Uint8" | "Int8" | "Int16" | "Int32" | "Float32" | "Float64"}`,
];

/** The array of each element type, and the method that reads one element. */
const ELEMENT_TYPES: ReadonlyMap<number, ElementType> = new Map(
  [
    [0x08, [Uint8Array, "getUint8"]],
    [0x09, [Int8Array, "getInt8"]],
    [0x0b, [Int16Array, "getInt16"]],
    [0x0c, [Int32Array, "getInt32"]],
    [0x0d, [Float32Array, "getFloat32"]],
    [0x0e, [Float64Array, "getFloat64"]],
  ] satisfies [number, ElementType][],
);

/** Tensors have no more axes. */
const MAX_RANK = 6;

/**
 * Decode the bytes of an IDX file (not compressed).
 *
 * @example Usage
 * ```ts
 * import { train } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * // bytes (type 8), one axis, of size 3
 * const file = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9);
 * assertEquals(train.decodeIdx(file).data, Uint8Array.of(7, 8, 9));
 * ```
 *
 * @param bytes The contents of the file.
 * @param name The name of the file in errors.
 * @returns Shape and values.
 * @throws {TypeError} If it is not an IDX file.
 * @throws {RangeError} If it is shorter or longer than its header says.
 */
export function decodeIdx(bytes: Uint8Array, name = "IDX data"): IdxArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== 0) {
    throw new TypeError(
      `Cannot read ${name}: an IDX file starts with two zero bytes: this one has ${bytes.length} bytes that start with [${
        bytes.subarray(0, 4).join(", ")
      }]`,
    );
  }
  const type = ELEMENT_TYPES.get(bytes[2]!);
  if (type === undefined) {
    throw new TypeError(
      `Cannot read ${name}: the element type must be 8, 9, 11, 12, 13 or 14: current value is ${
        bytes[2]
      }`,
    );
  }
  const rank = bytes[3]!;
  const start = 4 + 4 * rank;
  if (bytes.length < start) throw truncated(name, bytes.length, start);
  if (rank > MAX_RANK) {
    throw new RangeError(
      `Cannot read ${name}: the number of axes must be at most ${MAX_RANK}: current value is ${rank}`,
    );
  }
  const shape = Array.from(
    { length: rank },
    (_, i) => view.getUint32(4 + 4 * i),
  );
  // Of the sizes other than 0: a 0 must not hide that the others are absurd.
  const most = shape.reduce((a, b) => a * Math.max(b, 1), 1);
  if (!Number.isSafeInteger(most)) {
    throw new RangeError(
      `Cannot read ${name}: the product of its sizes must be at most 2^53: current sizes are [${
        shape.join(", ")
      }]`,
    );
  }
  const length = shape.includes(0) ? 0 : most;
  const [Values, read] = type;
  const width = new Values(0).BYTES_PER_ELEMENT;
  const end = start + length * width;
  if (bytes.length < end) throw truncated(name, bytes.length, end);
  if (bytes.length > end) {
    throw new RangeError(
      `Cannot read ${name}: its header describes ${end} bytes ([${
        shape.join(", ")
      }]): current length is ${bytes.length}`,
    );
  }
  const data = new Values(length);
  if (width === 1) new Uint8Array(data.buffer).set(bytes.subarray(start));
  else {
    for (let i = 0; i < length; i++) data[i] = view[read](start + i * width);
  }
  return { shape, data };
}

/**
 * Read an IDX file, plain or gzip (told apart by its first bytes, not by its
 * name).
 *
 * @param path The file.
 * @param options See {@linkcode ReadOptions}.
 * @returns Shape and values.
 * @throws {TypeError} If it is not an IDX file.
 * @throws {RangeError} If it is truncated.
 */
export async function readIdx(
  path: string | URL,
  options: ReadOptions = {},
): Promise<IdxArray> {
  checkOptions("read an IDX file", options, READ_RULES);
  return decodeIdx(await readBytes(path, options), String(path));
}

function truncated(name: string, actual: number, expected: number): RangeError {
  return new RangeError(
    `Cannot read ${name}: the file is truncated: it holds ${actual} of ${expected} bytes`,
  );
}
