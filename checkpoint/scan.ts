/**
 * Validation of msgpack before it is decoded, so that bytes from a file cannot make
 * the decoder allocate too much, recurse too deeply, or build unsafe objects.
 *
 * @module
 */
import { CheckpointError, MAX_NESTING, MAX_VALUES } from "./format.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The first bytes of a value. */
interface Head {
  readonly kind: "scalar" | "string" | "array" | "map";
  /** Bytes of the head, including the first. */
  readonly head: number;
  /** The bytes that follow; of an array, its items; of a map, its pairs. */
  readonly size: number;
}

/**
 * Check that `bytes` are one msgpack value that is safe to decode.
 *
 * Lengths fit the bytes there are, nesting and the number of values are bounded,
 * keys are strings and none is `__proto__`, text is UTF-8, and there are no
 * extension types.
 *
 * @param bytes A whole value.
 * @param action The action in errors.
 * @throws {CheckpointError} If they are not.
 */
export function scan(bytes: Uint8Array, action: string): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (problem: string): never => {
    throw new CheckpointError(`Cannot ${action}: ${problem}`);
  };
  /** The number of values left at each open level, counting the keys of maps. */
  const left: number[] = [1];
  const isMap: boolean[] = [false];
  let at = 0;
  let values = 0;
  while (left.length > 0) {
    const level = left.length - 1;
    if (left[level] === 0) {
      left.pop();
      isMap.pop();
      continue;
    }
    const isKey = isMap[level]! && left[level]! % 2 === 0;
    left[level]!--;
    if (++values > MAX_VALUES) fail(`it has more than ${MAX_VALUES} values`);
    if (at >= bytes.length) fail("it ends early");
    const { kind, head, size } = readHead(view, at, fail);
    if (isKey && kind !== "string") fail("a key is no string");
    at += head;
    if (kind === "array" || kind === "map") {
      const count = kind === "map" ? 2 * size : size;
      if (count > bytes.length - at) fail(`it has no room for ${count} values`);
      if (left.length > MAX_NESTING) {
        fail(`it is nested more than ${MAX_NESTING} levels deep`);
      }
      left.push(count);
      isMap.push(kind === "map");
      continue;
    }
    if (size > bytes.length - at) fail(`it has no room for ${size} bytes`);
    if (kind === "string") {
      const text = readText(bytes.subarray(at, at + size), fail);
      if (isKey && text === "__proto__") {
        fail("__proto__ is not allowed as a key");
      }
    }
    at += size;
  }
  if (at !== bytes.length) fail(`${bytes.length - at} bytes follow its end`);
}

function readText(bytes: Uint8Array, fail: (problem: string) => never): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return fail("text is not UTF-8");
  }
}

/** Sizes of the scalars from 0xca (float32) to 0xd3 (int64). */
const NUMBER_BYTES = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8];

function readHead(
  view: DataView,
  at: number,
  fail: (problem: string) => never,
): Head {
  const type = view.getUint8(at);
  /** The length of 1, 2 or 4 bytes that follows the type. */
  const sized = (kind: Head["kind"], bytes: number): Head => {
    if (at + bytes >= view.byteLength) fail("it ends early");
    const size = bytes === 1
      ? view.getUint8(at + 1)
      : bytes === 2
      ? view.getUint16(at + 1)
      : view.getUint32(at + 1);
    return { kind, head: 1 + bytes, size };
  };
  if (type < 0x80 || type >= 0xe0) return { kind: "scalar", head: 1, size: 0 };
  if (type < 0x90) return { kind: "map", head: 1, size: type & 15 };
  if (type < 0xa0) return { kind: "array", head: 1, size: type & 15 };
  if (type < 0xc0) return { kind: "string", head: 1, size: type & 31 };
  if (type >= 0xca && type <= 0xd3) {
    return { kind: "scalar", head: 1, size: NUMBER_BYTES[type - 0xca]! };
  }
  switch (type) {
    case 0xc0: // nil
    case 0xc2: // false
    case 0xc3: // true
      return { kind: "scalar", head: 1, size: 0 };
    case 0xc4: // bin 8, 16, 32
    case 0xc5:
    case 0xc6:
      return sized("scalar", 1 << (type - 0xc4));
    case 0xd9: // str 8, 16, 32
    case 0xda:
    case 0xdb:
      return sized("string", 1 << (type - 0xd9));
    case 0xdc: // array 16, 32
    case 0xdd:
      return sized("array", 2 << (type - 0xdc));
    case 0xde: // map 16, 32
    case 0xdf:
      return sized("map", 2 << (type - 0xde));
    default:
      return fail(`type 0x${type.toString(16)} is not allowed`);
  }
}
