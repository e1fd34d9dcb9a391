/**
 * Records: msgpack values with length and checksum, one after the other.
 *
 * @module
 */
import { decode, encode, type ValueType } from "@std/msgpack";
import { crc32 } from "./crc32.ts";
import { CheckpointError } from "./format.ts";
import { scan } from "./scan.ts";

/** Where bytes go. */
export interface Sink {
  /** Write all of `bytes`, which may change afterwards. */
  write(bytes: Uint8Array): Promise<void>;
}

/** Where bytes come from, in order. */
export interface Source {
  /** How many bytes have not been read. */
  readonly left: number;
  /** Fill `bytes` with the next ones, of which there must be as many. */
  fill(bytes: Uint8Array): Promise<void>;
  /** Leave out the next `length` bytes. */
  skip(length: number): Promise<void>;
}

/** The bytes of a record before its payload. */
const HEAD_BYTES = 8;

/**
 * Write one record.
 *
 * @param sink Where to.
 * @param value What to write.
 * @param what What the record is, for errors.
 * @param maxBytes How long it may be.
 * @throws {RangeError} If it is longer.
 * @throws {CheckpointError} If reading would refuse it.
 */
export async function writeRecord(
  sink: Sink,
  value: ValueType,
  what: string,
  maxBytes: number,
): Promise<void> {
  const payload = encode(value);
  if (payload.length > maxBytes) {
    throw new RangeError(
      `Cannot write the ${what}: it must have at most ${maxBytes} bytes (large arrays belong in tensors): current length is ${payload.length}`,
    );
  }
  scan(payload, `write the ${what}`);
  await writePayload(sink, [payload]);
}

/**
 * Write a record of a list: a number and bytes. They are not copied, which is why
 * the msgpack around them is put together here.
 *
 * @param sink Where to.
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
  // In place of null: "bin 32", and the length.
  head[list.length - 1] = 0xc6;
  new DataView(head.buffer).setUint32(list.length, bytes.length);
  await writePayload(sink, [head, bytes]);
}

async function writePayload(
  sink: Sink,
  pieces: readonly Uint8Array[],
): Promise<void> {
  const head = new DataView(new ArrayBuffer(HEAD_BYTES));
  const length = pieces.reduce((sum, { length }) => sum + length, 0);
  head.setUint32(0, length, true);
  head.setUint32(4, pieces.reduce((sum, piece) => crc32(piece, sum), 0), true);
  await sink.write(new Uint8Array(head.buffer));
  for (const piece of pieces) await sink.write(piece);
}

/**
 * Read one record: its length, its checksum and its structure are checked, in
 * this order, before it is decoded.
 *
 * @param source Where from.
 * @param what What the record is, for errors.
 * @param maxBytes How long it may be.
 * @param buffer Where to keep it, with room for so many bytes. Default: its own.
 * @returns The value; binary parts are views of the buffer.
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
