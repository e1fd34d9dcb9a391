/**
 * Records: msgpack values with length and checksum.
 *
 * @module
 */
import { decode, encode, type ValueType } from "@std/msgpack";
import { crc32 } from "../internal/crc32.ts";
import { CheckpointError } from "./format.ts";
import { scan } from "./scan.ts";

/** An output of bytes. */
export interface Sink {
  /** Write all of `bytes`; the caller may change them afterwards. */
  write(bytes: Uint8Array): Promise<void>;
}

/** A sequential input of bytes. */
export interface Source {
  /** The number of bytes that have not been read. */
  readonly left: number;
  /** Fill `bytes` with the next bytes, of which there must be enough. */
  fill(bytes: Uint8Array): Promise<void>;
  /** Skip the next `length` bytes. */
  skip(length: number): Promise<void>;
}

/** The bytes of a record before its payload. */
const HEAD_BYTES = 8;

/**
 * Encode the payload of a record.
 *
 * @param value The value.
 * @param what The name of the record in errors.
 * @param maxBytes The largest length.
 * @returns The payload.
 * @throws {RangeError} If it is longer.
 * @throws {CheckpointError} If reading would refuse it.
 */
export function encodePayload(
  value: ValueType,
  what: string,
  maxBytes: number,
): Uint8Array {
  const payload = encode(value);
  if (payload.length > maxBytes) {
    throw new RangeError(
      `Cannot write the ${what}: it must have at most ${maxBytes} bytes (large arrays belong in tensors): current length is ${payload.length}`,
    );
  }
  scan(payload, `write the ${what}`);
  return payload;
}

/** Write a record of `pieces`, the payload in parts. */
export async function writeRecord(
  sink: Sink,
  ...pieces: readonly Uint8Array[]
): Promise<void> {
  const head = new DataView(new ArrayBuffer(HEAD_BYTES));
  const length = pieces.reduce((sum, { length }) => sum + length, 0);
  head.setUint32(0, length, true);
  head.setUint32(4, pieces.reduce((sum, piece) => crc32(piece, sum), 0), true);
  await sink.write(new Uint8Array(head.buffer));
  for (const piece of pieces) await sink.write(piece);
}

/**
 * Write a record of a list of a number and bytes. The msgpack around the bytes is
 * composed here, so that they are not copied.
 *
 * @param sink The output.
 * @param number The number.
 * @param bytes The bytes, up to 4 GiB.
 */
export async function writeBytesRecord(
  sink: Sink,
  number: number,
  bytes: Uint8Array,
): Promise<void> {
  const list = encode([number, null]);
  const head = new Uint8Array(list.length + 4);
  head.set(list);
  // Replace null by "bin 32" and the length.
  head[list.length - 1] = 0xc6;
  new DataView(head.buffer).setUint32(list.length, bytes.length);
  await writeRecord(sink, head, bytes);
}

/**
 * Read one record. Its length, its checksum and its structure are checked, in this
 * order, before it is decoded.
 *
 * @param source The input.
 * @param what The name of the record in errors.
 * @param maxBytes The largest length.
 * @param buffer Space for `maxBytes` bytes. Default: a new array.
 * @returns The value; byte arrays in it are views of the buffer.
 * @throws {CheckpointError} If the record is torn, damaged or unsafe.
 */
export async function readRecord(
  source: Source,
  what: string,
  maxBytes: number,
  buffer?: Uint8Array,
): Promise<ValueType> {
  if (source.left < HEAD_BYTES) {
    throw new CheckpointError(`Cannot read the ${what}: the file ends early`);
  }
  const head = new DataView(new ArrayBuffer(HEAD_BYTES));
  await source.fill(new Uint8Array(head.buffer));
  const length = head.getUint32(0, true);
  const checksum = head.getUint32(4, true);
  if (length > maxBytes) {
    throw new CheckpointError(
      `Cannot read the ${what}: it must have at most ${maxBytes} bytes: current length is ${length}`,
    );
  }
  if (length > source.left) {
    throw new CheckpointError(
      `Cannot read the ${what}: the file ends ${
        length - source.left
      } bytes too early`,
    );
  }
  const payload = buffer?.subarray(0, length) ?? new Uint8Array(length);
  await source.fill(payload);
  if (crc32(payload) !== checksum) {
    throw new CheckpointError(
      `Cannot read the ${what}: its checksum does not match: the file is damaged`,
    );
  }
  scan(payload, `read the ${what}`);
  return decode(payload);
}
