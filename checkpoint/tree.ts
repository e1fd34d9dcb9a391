/**
 * Conversion between plain data with tensors and msgpack.
 *
 * Values that msgpack does not have are maps with one key that starts with `$`:
 *
 * | map | stands for |
 * | --- | --- |
 * | `{ $tensor: 3 }` | tensor number 3 of the file |
 * | `{ $undefined: null }` | `undefined` |
 * | `{ $number: "-0" }` | negative zero |
 * | `{ $bigint: "12" }` | a bigint of any size |
 * | `{ $text: bytes }` | text that UTF-8 would change, as UTF-16 |
 * | `{ $Float32Array: bytes }` | a typed array; likewise the other kinds |
 * | `{ $map: {...} }` | an object whose own keys begin with `$` |
 *
 * @module
 */
import type { ValueMap, ValueType } from "@std/msgpack";
import * as tf from "@tensorflow/tfjs-core";
import { CheckpointError, MAX_DATA_NESTING } from "./format.ts";

/** A typed array. */
export type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** Plain data that a checkpoint can hold. */
export type PlainData =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | TypedArray
  | readonly PlainData[]
  | { readonly [key: string]: PlainData };

const TYPED_ARRAYS = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
} as const;

type TypedArrayName = keyof typeof TYPED_ARRAYS;

/** The path of `key` inside `path`. */
export function join(path: string, key: string | number): string {
  return path === "" ? `${key}` : `${path}.${key}`;
}

/** Whether `x` is a plain object. */
export function isRecord(x: unknown): x is Record<string, unknown> {
  if (typeof x !== "object" || x === null) return false;
  const prototype = Object.getPrototypeOf(x);
  return prototype === null || prototype === Object.prototype;
}

/** The class name of a typed array, if `x` is one that can be saved. */
export function typedArrayName(x: unknown): TypedArrayName | undefined {
  if (!ArrayBuffer.isView(x)) return undefined;
  // A subclass, such as Node's Buffer, is saved as its base class.
  return (Object.keys(TYPED_ARRAYS) as TypedArrayName[])
    .find((name) => x instanceof TYPED_ARRAYS[name]);
}

/**
 * Convert plain data to a msgpack value.
 *
 * @param value Plain data with tensors in it.
 * @param path Its path, for errors.
 * @param number Called with each tensor; returns its number in the file.
 * @throws {TypeError} If it is not plain data.
 * @throws {RangeError} If it is nested too deeply, or in a circle.
 */
export function toValue(
  value: unknown,
  path: string,
  number: (x: tf.Tensor, path: string) => number,
  depth = 0,
): ValueType {
  if (depth > MAX_DATA_NESTING) {
    throw new RangeError(
      `Cannot save ${path}: data must be nested at most ${MAX_DATA_NESTING} levels deep, and in no circle`,
    );
  }
  const inner = (item: unknown, key: string | number) =>
    toValue(item, join(path, key), number, depth + 1);
  if (value === undefined) return { $undefined: null };
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number") {
    return Object.is(value, -0) ? { $number: "-0" } : value;
  }
  if (typeof value === "bigint") return { $bigint: toDigits(value, path) };
  if (typeof value === "string") return toText(value);
  if (value instanceof tf.Tensor) return { $tensor: number(value, path) };
  const name = typedArrayName(value);
  if (name) {
    const { buffer, byteOffset, byteLength } = value as TypedArray;
    return { [`$${name}`]: new Uint8Array(buffer, byteOffset, byteLength) };
  }
  if (Array.isArray(value)) return Array.from(value, inner);
  if (isRecord(value)) return toMap(value, path, inner);
  throw new TypeError(
    `Cannot save ${path}: it must be plain data: current value is ${
      kindOf(value)
    }`,
  );
}

function toMap(
  value: Record<string, unknown>,
  path: string,
  inner: (item: unknown, key: string) => ValueType,
): ValueMap {
  const map: ValueMap = {};
  let hasTag = false;
  for (const key of Object.keys(value)) {
    checkKey(key, path);
    map[key] = inner(value[key], key);
    hasTag ||= key.startsWith("$");
  }
  return hasTag ? { $map: map } : map;
}

/** Throw if a key cannot be saved and loaded unchanged. */
export function checkKey(key: string, path: string): void {
  if (key === "__proto__" || !isSafeText(key)) {
    throw new TypeError(
      `Cannot save ${path}: ${JSON.stringify(key)} is not allowed as a key`,
    );
  }
}

/** Parsing digits takes quadratic time, so their number is limited. */
const DIGITS = /^-?\d{1,4096}$/;

function toDigits(value: bigint, path: string): string {
  const digits = `${value}`;
  if (DIGITS.test(digits)) return digits;
  throw new RangeError(
    `Cannot save ${path}: a bigint must have at most 4096 digits`,
  );
}

/** Whether `text` survives UTF-8, whose decoders drop a leading byte order mark. */
function isSafeText(text: string): boolean {
  return text.isWellFormed() && !text.startsWith("\ufeff");
}

function toText(text: string): ValueType {
  if (isSafeText(text)) return text;
  const units = new Uint16Array(text.length);
  for (let i = 0; i < text.length; i++) units[i] = text.charCodeAt(i);
  return { $text: new Uint8Array(units.buffer) };
}

/**
 * Convert a msgpack value to plain data; the inverse of {@linkcode toValue}.
 *
 * @param value The value in a file.
 * @param path Its path, for errors.
 * @param tensor Called with the number of each tensor; returns its replacement.
 * @throws {CheckpointError} If a tag is not in the table above.
 */
export function fromValue(
  value: ValueType,
  path: string,
  tensor: (number: number, path: string) => unknown,
): unknown {
  if (Array.isArray(value)) {
    return value.map((item, i) => fromValue(item, join(path, i), tensor));
  }
  if (!isRecord(value)) return value;
  const keys = Object.keys(value);
  const [tag] = keys;
  if (keys.length === 1 && tag!.startsWith("$")) {
    return fromTag(tag!, value[tag!] as ValueType, path, tensor);
  }
  return fromMap(value as ValueMap, path, tensor);
}

function fromMap(
  map: ValueMap,
  path: string,
  tensor: (number: number, path: string) => unknown,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(map)) {
    result[key] = fromValue(item, join(path, key), tensor);
  }
  return result;
}

function fromTag(
  tag: string,
  value: ValueType,
  path: string,
  tensor: (number: number, path: string) => unknown,
): unknown {
  if (tag === "$tensor" && typeof value === "number") {
    return tensor(value, path);
  }
  if (tag === "$undefined" && value === null) return undefined;
  if (tag === "$number" && value === "-0") return -0;
  if (tag === "$bigint" && typeof value === "string" && DIGITS.test(value)) {
    return BigInt(value);
  }
  if (tag === "$map" && isRecord(value)) {
    return fromMap(value as ValueMap, path, tensor);
  }
  if (value instanceof Uint8Array) {
    if (tag === "$text" && value.length % 2 === 0) {
      return new Uint16Array(value.slice().buffer)
        .reduce((text, unit) => text + String.fromCharCode(unit), "");
    }
    const TypedArray = TYPED_ARRAYS[tag.slice(1) as TypedArrayName];
    if (
      Object.hasOwn(TYPED_ARRAYS, tag.slice(1)) &&
      value.length % TypedArray.BYTES_PER_ELEMENT === 0
    ) {
      return new TypedArray(value.slice().buffer);
    }
  }
  throw new CheckpointError(`Cannot read ${path}: ${tag} makes no sense there`);
}

/** The kind of `x` in words. */
export function kindOf(x: unknown): string {
  if (x === null || x === undefined) return `${x}`;
  if (x instanceof tf.Tensor) return `${x.dtype} [${x.shape}]`;
  if (Array.isArray(x)) return "a list";
  if (isRecord(x)) return "a record";
  if (typeof x === "object") return `a ${x.constructor?.name ?? "object"}`;
  return `a ${typeof x}`;
}
