/**
 * Reading and writing NumPy's `.npy` and `.npz`.
 *
 * @module
 */
import {
  check,
  checkObject,
  checkOptions,
  instanceOf,
  listOf,
  refuse,
  type Rule,
} from "../../internal/check.ts";
import { READ_RULES, readBytes, type ReadOptions } from "../files.ts";
import {
  descrOf,
  elementOf,
  fromFortran,
  type NpyArray,
  swapped,
} from "./elements.ts";
import { unzip, zip } from "./zip.ts";

const MAGIC = "\x93NUMPY";
const bytesRule = instanceOf(Uint8Array, "a Uint8Array");

/**
 * Decode the contents of a `.npy` file, of NumPy's versions 1 to 3.
 *
 * | dtype | values |
 * | --- | --- |
 * | bool, uint8 | `Uint8Array` |
 * | int8, int16, uint16, int32, uint32, float32, float64 | the array of that name |
 * | float16 | `Float32Array` |
 * | int64, uint64 | `Int32Array` if all values are int32, else `Float64Array` |
 *
 * @example Usage
 * ```ts
 * import { data } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const array = { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) };
 * const bytes = data.encodeNpy(array);
 * assertEquals(data.decodeNpy(bytes), array);
 * const points = data.column(array.data, [2]); // two examples
 * assertEquals(points.shape, [2]);
 * ```
 *
 * @param bytes The contents of the file.
 * @param name The name of the file in errors.
 * @throws {TypeError} If it is no such file, or its dtype is another one.
 * @throws {RangeError} If it is shorter or longer than its header says, or if a 64-bit
 *   integer is beyond ±2^53.
 */
export function decodeNpy(bytes: Uint8Array, name = "NPY data"): NpyArray {
  check(`read ${name}`, "bytes", bytes, bytesRule);
  const { descr, isFortran, shape, start } = readHeader(bytes, name);
  const { element, isBigEndian } = elementOf(descr, name);
  const end = start + shape.reduce((a, b) => a * b, 1) * element.width;
  if (bytes.length !== end) {
    throw new RangeError(
      `Cannot read ${name}: its header describes ${end} bytes ([${
        shape.join(", ")
      }] of ${descr}): current length is ${bytes.length}`,
    );
  }
  const own = Uint8Array.from(bytes.subarray(start));
  const values = isBigEndian ? swapped(own, element.width) : own;
  const data = element.read(values, name);
  return { shape, data: isFortran ? fromFortran(data, shape) : data };
}

interface Header {
  readonly descr: string;
  readonly isFortran: boolean;
  readonly shape: readonly number[];
  /** Where the values begin. */
  readonly start: number;
}

/** The header: a literal of a dictionary of Python. */
function readHeader(bytes: Uint8Array, name: string): Header {
  const text = (from: number, to: number) =>
    Array.from(bytes.subarray(from, to), (x) => String.fromCharCode(x)).join(
      "",
    );
  const version = bytes[6] ?? 0;
  if (text(0, 6) !== MAGIC || version < 1 || version > 3) {
    throw new TypeError(
      `Cannot read ${name}: it must begin as a .npy file of version 1 to 3 does: it begins with [${
        bytes.subarray(0, 8).join(", ")
      }]`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const from = version === 1 ? 10 : 12;
  const start = bytes.length < from ? Infinity : from +
    (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (start > bytes.length) {
    throw new RangeError(
      `Cannot read ${name}: it must be longer than its header: it has ${bytes.length} bytes`,
    );
  }
  const header = text(from, start);
  const [, descr] = /'descr': *'([^']*)'/.exec(header) ?? [];
  const [, order] = /'fortran_order': *(True|False)/.exec(header) ?? [];
  const [, sizes] = /'shape': *\(([\d, L]*)\)/.exec(header) ?? [];
  if (descr === undefined || order === undefined || sizes === undefined) {
    throw new TypeError(
      `Cannot read ${name}: its header must have a dtype of one element, an order and a shape: it is ${
        header.trim().slice(0, 200)
      }`,
    );
  }
  const shape = (sizes.match(/\d+/g) ?? []).map(Number);
  return { descr, isFortran: order === "True", shape, start };
}

/**
 * The contents of a `.npy` file of an array, as NumPy writes it.
 *
 * @param array Shape and values.
 * @returns The bytes to write to a file.
 * @throws {RangeError} If the values do not fill the shape.
 */
export function encodeNpy(array: NpyArray): Uint8Array<ArrayBuffer> {
  checkArray("write a .npy file", "the array", array);
  const { data, shape } = array;
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dictionary = `{'descr': '${
    descrOf(data)
  }', 'fortran_order': False, 'shape': (${sizes}), }`;
  // NumPy has the values begin at a multiple of 64 bytes, after a line break.
  const start = Math.ceil((10 + dictionary.length + 1) / 64) * 64;
  const header = `${dictionary.padEnd(start - 11)}\n`;
  const bytes = new Uint8Array(start + data.byteLength);
  const prefix = `${MAGIC}\x01\x00`;
  for (const [i, c] of [...`${prefix}  ${header}`].entries()) {
    bytes[i] = c.charCodeAt(0);
  }
  new DataView(bytes.buffer).setUint16(8, header.length, true);
  bytes.set(
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    start,
  );
  return bytes;
}

const ARRAYS = [
  ...[Uint8Array, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array],
  ...[Float32Array, Float64Array],
];

const dataRule: Rule = (value) =>
  ARRAYS.some((Values) => value instanceof Values) ? undefined : {
    at: "",
    rule: "an array of integers of up to 32 bits or of floats",
    value,
    error: TypeError,
  };

function checkArray(action: string, name: string, array: NpyArray): void {
  checkObject(action, array, name);
  const { data, shape } = array;
  check(action, `${name}.data`, data, dataRule);
  check(action, `${name}.shape`, shape, listOf("a nonnegative integer"));
  const size = shape.reduce((a, b) => a * b, 1);
  if (size !== data.length) {
    const is = `of ${data.length} elements, as many as there are values`;
    refuse(action, `${name}.shape`, is, shape);
  }
}

/**
 * Read an array from a `.npy` file, plain or gzip.
 *
 * @param path The file.
 * @param options `maxBytes`: see `readText`.
 * @throws {RangeError} If there is no such file, or as {@linkcode decodeNpy}.
 */
export async function readNpy(
  path: string | URL,
  options: ReadOptions = {},
): Promise<NpyArray> {
  checkOptions("read a .npy file", options, READ_RULES);
  return decodeNpy(await readBytes(path, options), String(path));
}

/**
 * Decode the contents of a `.npz` file: arrays by name.
 *
 * @param bytes The contents of the file, as `np.savez` and `np.savez_compressed` write it.
 * @param name The name of the file in errors.
 * @throws {TypeError} If it is no such file, or an array has another dtype.
 * @throws {RangeError} If it is damaged.
 */
export function decodeNpz(
  bytes: Uint8Array,
  name = "NPZ data",
): Record<string, NpyArray> {
  check(`read ${name}`, "bytes", bytes, bytesRule);
  const arrays = new Map<string, NpyArray>();
  for (const [file, contents] of unzip(bytes, name)) {
    arrays.set(
      file.replace(/\.npy$/, ""),
      decodeNpy(contents, `${file} in ${name}`),
    );
  }
  return Object.fromEntries(arrays);
}

/**
 * The contents of a `.npz` file of arrays, not compressed.
 *
 * @param arrays The arrays by name.
 * @returns The bytes to write to a file.
 * @throws {RangeError} If the values of an array do not fill its shape, or if the file would
 *   have 4 GiB.
 */
export function encodeNpz(
  arrays: Readonly<Record<string, NpyArray>>,
): Uint8Array<ArrayBuffer> {
  checkObject("write a .npz file", arrays, "the arrays");
  for (const [name, array] of Object.entries(arrays)) {
    checkArray("write a .npz file", name, array);
  }
  return zip(
    Object.entries(arrays).map(([name, array]) =>
      [`${name}.npy`, encodeNpy(array)] as const
    ),
  );
}

/**
 * Read the arrays of a `.npz` file.
 *
 * @param path The file.
 * @throws {RangeError} If there is no such file, or as {@linkcode decodeNpz}.
 */
export async function readNpz(
  path: string | URL,
): Promise<Record<string, NpyArray>> {
  return decodeNpz(await readBytes(path), String(path));
}
