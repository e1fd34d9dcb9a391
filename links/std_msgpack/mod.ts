/**
 * `@std/msgpack` 1.0.3 on `npm:@msgpack/msgpack`: for machines that cannot reach
 * JSR. The published package imports the real one.
 *
 * The two differ in what they refuse and in how they write large integers; this
 * layer behaves as the real package does, and `tests/links_test.ts` pins it. One
 * difference is left, and our format uses neither: in strings of up to 200 bytes
 * that are no map keys, invalid UTF-8 and a leading byte order mark are read as
 * they stand, where the real package replaces the one and drops the other.
 *
 * @module
 */
import {
  DecodeError,
  Decoder,
  type DecoderOptions,
  Encoder,
} from "@msgpack/msgpack";

/** Value types that can be encoded to MessagePack. */
export type ValueType =
  | number
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | readonly ValueType[]
  | ValueMap;

/** Value map that can be encoded to MessagePack. */
export interface ValueMap {
  /** Value map entry. */
  [index: string | number]: ValueType;
}

/**
 * Encode a value to MessagePack.
 *
 * @param object The value.
 * @returns Its bytes, in a buffer of their own.
 * @throws {Error} For what is not a {@linkcode ValueType}.
 */
export function encode(object: ValueType): Uint8Array<ArrayBuffer> {
  const binaries = { bytes: 0 };
  const value = checked(object, binaries);
  // `useBigInt64` also makes integers beyond 32 bits float64, as in the real one.
  return new Encoder({
    useBigInt64: true,
    maxDepth: Infinity,
    initialBufferSize: 2048 + binaries.bytes,
  }).encode(value);
}

/** The value with strings made well-formed, or an error as the real one's. */
function checked(value: ValueType, binaries: { bytes: number }): unknown {
  if (value === null) return value;
  switch (typeof value) {
    case "boolean":
    case "number":
      return value;
    case "string":
      return value.toWellFormed();
    case "bigint":
      if (value < -(2n ** 63n) || value >= 2n ** 64n) {
        throw new Error("Cannot safely encode bigint larger than 64 bits");
      }
      return value;
  }
  if (value instanceof Uint8Array) {
    binaries.bytes += value.length + 5;
    return value;
  }
  if (Array.isArray(value)) {
    return Array.from(value, (item) => checked(item, binaries));
  }
  // The real one does the same, so `undefined` is a TypeError there too.
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) {
    throw new Error("Cannot safely encode value into messagepack");
  }
  const map: Record<string, unknown> = Object.create(null);
  for (const [key, item] of Object.entries(value)) {
    map[key.toWellFormed()] = checked(item, binaries);
  }
  return map;
}

const PROTO = "__proto__";
const utf8 = new TextDecoder();

const OPTIONS: DecoderOptions = {
  useBigInt64: true,
  extensionCodec: {
    tryToEncode: () => null,
    decode() {
      throw new Error(
        "Cannot decode a slice: extension types are not implemented yet",
      );
    },
  },
  keyDecoder: {
    canBeCached: () => true,
    // A `String` object passes the npm package's check for this very key, which
    // the real one lets through.
    decode(bytes, offset, length) {
      const key = utf8.decode(bytes.subarray(offset, offset + length));
      return key === PROTO ? Object(PROTO) : key;
    },
  },
  mapKeyConverter(key) {
    if (key instanceof String) return PROTO;
    if (typeof key === "number" || typeof key === "string") return key;
    throw new EvalError(
      "Cannot decode a key of a map: The type of key is invalid, keys must be a number or a string",
    );
  },
};

/**
 * Decode a value from MessagePack.
 *
 * @param data The bytes; binary values of the result are views of them.
 * @returns The value.
 * @throws {EvalError} If the bytes end early, or go on after the value.
 * @throws {Error} For extension types and the byte that is never used.
 */
export function decode(data: Uint8Array): ValueType {
  try {
    return new Decoder(OPTIONS).decode(data) as ValueType;
  } catch (error) {
    if (error instanceof RangeError) {
      throw new EvalError(
        error.message.startsWith("Extra")
          ? "Messagepack decode did not consume whole array"
          : "Messagepack decode reached end of array prematurely",
      );
    }
    if (error instanceof DecodeError) {
      throw new Error(
        "Messagepack decode encountered a type that is never used",
      );
    }
    throw error;
  }
}
