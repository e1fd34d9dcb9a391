/**
 * The checkpoint format: its constants and the error for files that break it.
 *
 * ```text
 * file     magic (8 bytes) · format version (uint32) · header · data...
 * record   length of the payload (uint32) · its CRC-32 (uint32) · payload
 * header   a record: what is in the file, in msgpack (see header.ts)
 * data     records [number, bytes] in msgpack; the bytes of all records, joined,
 *          are the tensors one after the other, in the order of the header
 * ```
 *
 * Numbers outside msgpack are little-endian, and so are tensors.
 *
 * @module
 */

/** The version of this library, which files carry. */
export const LIBRARY_VERSION = "0.1.0";

/** The version of the format that this code writes, and the newest it reads. */
export const FORMAT_VERSION = 1;

/**
 * How a file begins: as PNG does, with a byte that is no text and a line end that
 * a transfer as text would change.
 */
export const MAGIC: Uint8Array = Uint8Array.of(
  0x89,
  ...new TextEncoder().encode("BTAPE\r\n"),
);

/** How many bytes of tensors a data record holds, except the last. */
export const CHUNK_BYTES: number = 4 * 2 ** 20;

/** The longest data record that is read. */
export const MAX_CHUNK_BYTES: number = 2 ** 30;

/** The longest header; tensors are not part of it. */
export const MAX_HEADER_BYTES: number = 64 * 2 ** 20;

/** The largest tensor. */
export const MAX_TENSOR_BYTES: number = 2 ** 32;

/** How deeply msgpack may be nested. */
export const MAX_NESTING = 100;

/** How deeply plain data may be nested; one level can take two of msgpack. */
export const MAX_DATA_NESTING = 40;

/** How many values the msgpack of a record may have. */
export const MAX_VALUES: number = 2 ** 20;

/** Thrown for a file that is damaged, or no checkpoint at all. */
export class CheckpointError extends Error {
  /** Make an error with `message`. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CheckpointError";
  }
}
