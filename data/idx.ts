/**
 * The IDX format of MNIST: a magic number with element type and rank, the sizes
 * of the axes, then the values, big-endian.
 *
 * @module
 */
import { readBytes } from "./files.ts";

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

/** Images and their labels. */
export interface LabeledImages {
  /** Pixels, `[count, height, width]`. */
  readonly images: IdxArray;
  /** Classes, `[count]`. */
  readonly labels: IdxArray;
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
  const shape = Array.from(
    { length: rank },
    (_, i) => view.getUint32(4 + 4 * i),
  );
  const length = shape.reduce((a, b) => a * b, 1);
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
 * @returns Shape and values.
 * @throws {TypeError} If it is not an IDX file.
 * @throws {RangeError} If it is truncated.
 */
export async function readIdx(path: string | URL): Promise<IdxArray> {
  return decodeIdx(await readBytes(path), String(path));
}

/**
 * Read images and labels from a directory with files named as MNIST's:
 * `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, and the same with
 * `t10k` or `test`, each plain or with `.gz`.
 *
 * @param directory The folder of the files.
 * @returns The training and the test set.
 * @throws {RangeError} If a file is missing or truncated, or there is not one label
 *   for each image.
 */
export async function readIdxDirectory(
  directory: string,
): Promise<{ train: LabeledImages; test: LabeledImages }> {
  const names = await list(directory);
  const part = async (...prefixes: string[]): Promise<LabeledImages> => {
    const find = (rest: string) => {
      const candidates = prefixes.flatMap((
        p,
      ) => [`${p}-${rest}`, `${p}-${rest}.gz`]);
      const name = candidates.find((candidate) => names.has(candidate));
      if (name !== undefined) return readIdx(`${directory}/${name}`);
      throw new RangeError(
        `Cannot read the directory ${directory}: it must hold one of ${
          candidates.join(", ")
        }: it holds ${some(names)}`,
      );
    };
    const images = await find("images-idx3-ubyte");
    const labels = await find("labels-idx1-ubyte");
    checkLabeled({ images, labels }, `${directory} (${prefixes[0]})`);
    return { images, labels };
  };
  return { train: await part("train"), test: await part("t10k", "test") };
}

function checkLabeled({ images, labels }: LabeledImages, name: string): void {
  if (images.shape.length !== 3 || labels.shape.length !== 1) {
    throw new RangeError(
      `Cannot read ${name}: images must have three axes and labels one: current shapes are [${
        images.shape.join(", ")
      }] and [${labels.shape.join(", ")}]`,
    );
  }
  if (images.shape[0] !== labels.shape[0]) {
    throw new RangeError(
      `Cannot read ${name}: there must be one label for each image: there are ${
        images.shape[0]
      } images and ${labels.shape[0]} labels`,
    );
  }
}

async function list(directory: string): Promise<Set<string>> {
  const names = new Set<string>();
  try {
    for await (const entry of Deno.readDir(directory)) names.add(entry.name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new RangeError(
        `Cannot read the directory ${directory}: it does not exist`,
        { cause: error },
      );
    }
    throw error;
  }
  return names;
}

function some(names: ReadonlySet<string>): string {
  const shown = [...names].sort().slice(0, 8).join(", ");
  return names.size > 8 ? `${shown}, ... (${names.size})` : shown || "nothing";
}

function truncated(name: string, actual: number, expected: number): RangeError {
  return new RangeError(
    `Cannot read ${name}: the file is truncated: it holds ${actual} of ${expected} bytes`,
  );
}
