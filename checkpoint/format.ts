/**
 * The checkpoint format: its constants and the error for files that break it.
 *
 * ```text
 * file     magic (8 bytes) · format version (uint32) · header · data...
 * record   length of the payload (uint32) · its CRC-32 (uint32) · payload
 * header   a record: the contents of the file, in msgpack (see header.ts)
 * data     records [number, bytes] in msgpack; the bytes of all records, joined,
 *          are the tensors one after the other, in the order of the header
 * ```
 *
 * Numbers outside msgpack are little-endian, and so are tensors.
 *
 * @module
 */

/** The version of this library, which is stored in files. */
export const LIBRARY_VERSION = "0.1.0";

/** The version of the format that is written, and the newest that is read. */
export const FORMAT_VERSION = 1;

/**
 * The first bytes of a file. As in PNG, they have a byte that is not text and a line
 * break, so that a transfer as text is detected.
 */
export const MAGIC: Uint8Array = Uint8Array.of(
  0x89,
  ...new TextEncoder().encode("BTAPE\r\n"),
);

/** The bytes of tensors in each data record but the last. */
export const CHUNK_BYTES: number = 4 * 2 ** 20;

/** The longest data record that is accepted. */
export const MAX_CHUNK_BYTES: number = 2 ** 30;

/** The longest header, which does not include the elements of tensors. */
export const MAX_HEADER_BYTES: number = 2 ** 30;

/** The largest tensor. */
export const MAX_TENSOR_BYTES: number = 2 ** 32;

/** The deepest nesting of msgpack. */
export const MAX_NESTING = 100;

/** The deepest nesting of plain data, of which one level can take two of msgpack. */
export const MAX_DATA_NESTING = 40;

/**
 * The most values in the msgpack of a record. A header has about 30 for each
 * parameter that Adam trains, so a million of them fit.
 */
export const MAX_VALUES: number = 2 ** 25;

/** The error for a file that is damaged or not a checkpoint. */
export class CheckpointError extends Error {
  /** Create an error with `message`. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CheckpointError";
  }
}
