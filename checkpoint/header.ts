/**
 * The header of a checkpoint: everything except the elements of tensors.
 *
 * @module
 */
import type { ValueMap, ValueType } from "@std/msgpack";
import * as tf from "@tensorflow/tfjs-core";
import {
  CheckpointError,
  MAX_CHUNK_BYTES,
  MAX_TENSOR_BYTES,
} from "./format.ts";
import { isRecord } from "./tree.ts";

/** The dtypes that can be saved, each with the array of its elements. */
export const ARRAYS = {
  float32: Float32Array,
  int32: Int32Array,
  bool: Uint8Array,
} as const;

/** A dtype that can be saved. */
export type SavedType = keyof typeof ARRAYS;

/** The elements of a tensor. */
export type Elements = Float32Array | Int32Array | Uint8Array;

/** Whether tensors of this dtype can be saved. */
export function isSavedType(dtype: unknown): dtype is SavedType {
  return typeof dtype === "string" && Object.hasOwn(ARRAYS, dtype);
}

/** A tensor in a file. */
export interface TensorInfo {
  /** Its dtype. */
  readonly dtype: SavedType;
  /** The sizes of its axes. */
  readonly shape: readonly number[];
}

/** The bytes of a tensor in a file. */
export function bytesOf({ dtype, shape }: TensorInfo): number {
  return tf.util.sizeFromShape([...shape]) * ARRAYS[dtype].BYTES_PER_ELEMENT;
}

/** The kinds of parts. */
export type PartKind = "states" | "dict" | "data";

/** A part in a file. */
export interface PartEntry {
  /** Its kind. */
  readonly kind: PartKind;
  /** Its value; of states, a map by path. */
  readonly value: ValueType;
}

/** The header of a file. */
export interface Header {
  /** The version of the library that wrote it. */
  readonly library: string;
  /** When it was written, in milliseconds since 1970. */
  readonly time: number;
  /** The metric that it was saved with. */
  readonly metric: number | null;
  /** Which metrics are better, if it was said. */
  readonly mode?: "min" | "max";
  /** The parts, by name. */
  readonly parts: Readonly<Record<string, PartEntry>>;
  /** The tensors, in the order of their bytes. */
  readonly tensors: readonly TensorInfo[];
  /** The bytes of tensors in each data record but the last. */
  readonly chunkBytes: number;
  /** The bytes of all tensors. */
  readonly dataBytes: number;
}

/** The header as a msgpack value. */
export function headerToValue(header: Header): ValueMap {
  const { parts, tensors, ...rest } = header;
  const entries: ValueMap = {};
  for (const [name, { kind, value }] of Object.entries(parts)) {
    entries[name] = { kind, value };
  }
  const infos = tensors.map(({ dtype, shape }) => ({ dtype, shape }));
  return { ...rest, parts: entries, tensors: infos };
}

/**
 * The header from a msgpack value; all fields are checked.
 *
 * @param value The decoded value.
 * @throws {CheckpointError} If it is not a header.
 */
export function headerFromValue(value: ValueType): Header {
  const map = isRecord(value) ? value : fail("it is no map");
  const { library, time, metric, mode } = map;
  const { parts, tensors, chunkBytes, dataBytes } = map;
  if (typeof library !== "string") fail("library is no text");
  if (!Number.isFinite(time)) fail("time is no number");
  if (typeof metric !== "number" && metric !== null) {
    fail("metric is no number");
  }
  if (mode !== undefined && mode !== "min" && mode !== "max") {
    fail('mode is not "min" or "max"');
  }
  if (!isSize(chunkBytes, MAX_CHUNK_BYTES) || chunkBytes === 0) {
    fail("chunkBytes is no size of a record");
  }
  if (!isRecord(parts)) fail("parts is no map");
  for (const [name, entry] of Object.entries(parts)) checkEntry(name, entry);
  if (!Array.isArray(tensors)) fail("tensors is no list");
  const total = tensors.reduce((sum, info) => sum + checkTensor(info), 0);
  if (dataBytes !== total) fail(`dataBytes must be ${total}`);
  return map as unknown as Header;
}

function fail(problem: string): never {
  throw new CheckpointError(`Cannot read the header: ${problem}`);
}

function isSize(x: unknown, max: number): x is number {
  return Number.isSafeInteger(x) && (x as number) >= 0 && (x as number) <= max;
}

function checkEntry(name: string, entry: unknown) {
  if (!isRecord(entry)) return fail(`part ${name} is no map`);
  const { kind, value } = entry;
  if (kind !== "states" && kind !== "dict" && kind !== "data") {
    fail(`part ${name} has an unknown kind`);
  }
  if (kind === "states" && !isRecord(value)) fail(`part ${name} has no states`);
}

/** The bytes of a tensor in the header. */
function checkTensor(info: unknown): number {
  if (!isRecord(info)) return fail("a tensor is no map");
  const { dtype, shape } = info;
  if (!isSavedType(dtype)) return fail(`a tensor has dtype ${dtype}`);
  if (
    !Array.isArray(shape) ||
    !shape.every((size) => isSize(size, MAX_TENSOR_BYTES))
  ) {
    return fail("a tensor has no shape");
  }
  const bytes = bytesOf({ dtype, shape });
  if (!isSize(bytes, MAX_TENSOR_BYTES)) {
    fail(`a tensor must have at most ${MAX_TENSOR_BYTES} bytes`);
  }
  return bytes;
}
