/**
 * The fields of protocol buffers that TensorBoard's events and ONNX need. A message is
 * the concatenation of its fields. Internal.
 *
 * Source: https://protobuf.dev/programming-guides/encoding/
 *
 * @module
 */

/** Wire types: the lower three bits of a field's key. */
const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** An `int64` field; `value` is a non-negative safe integer. */
export function int64Field(field: number, value: number): Uint8Array {
  return concat([key(field, VARINT), varint(value)]);
}

/** A `double` field. */
export function doubleField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return concat([key(field, FIXED_64), bytes]);
}

/** A `float` field. */
export function floatField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return concat([key(field, FIXED_32), bytes]);
}

/** A `bytes` field, or a message in one. */
export function bytesField(field: number, bytes: Uint8Array): Uint8Array {
  return concat([key(field, LENGTH_DELIMITED), varint(bytes.length), bytes]);
}

/** A `string` field. */
export function stringField(field: number, text: string): Uint8Array {
  return bytesField(field, new TextEncoder().encode(text));
}

/** A packed `repeated double` field. */
export function doublesField(
  field: number,
  values: readonly number[],
): Uint8Array {
  const bytes = new Uint8Array(8 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => view.setFloat64(8 * i, value, true));
  return bytesField(field, bytes);
}

/** The bytes of all parts, one after another. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function key(field: number, wireType: number): Uint8Array {
  return varint(field << 3 | wireType);
}

/** Seven bits per byte, lowest first; the highest bit is set if more follow. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  // Not shifts, which would truncate the value to 32 bits.
  for (; value >= 0x80; value = Math.floor(value / 0x80)) {
    bytes.push(value % 0x80 | 0x80);
  }
  bytes.push(value);
  return Uint8Array.from(bytes);
}
