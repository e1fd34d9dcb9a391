/**
 * The elements of tensors, and the data records that hold them.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { engine } from "../internal/engine.ts";
import { CheckpointError, CHUNK_BYTES } from "./format.ts";
import {
  ARRAYS,
  type Elements,
  type Header,
  type SavedType,
  type TensorInfo,
} from "./header.ts";
import {
  readRecord,
  type Sink,
  type Source,
  writeBytesRecord,
} from "./records.ts";

/** The elements of a tensor; the array may be the one the tensor uses. */
export async function elementsIn(x: tf.Tensor): Promise<Elements> {
  const Elements = ARRAYS[x.dtype as SavedType];
  const elements = await x.data();
  if (elements instanceof Elements) return elements;
  // Backends return different arrays for bool tensors.
  return Elements.from(elements as ArrayLike<number>);
}

/** Smaller arrays are left to the garbage collector. */
const LARGE_BYTES = 2 ** 20;

/**
 * Free a large array that {@linkcode elementsIn} returned or {@linkcode makeTensor}
 * was given, unless the tensor uses it. The garbage collector would let the arrays
 * of many tensors pile up.
 *
 * @param x The tensor, not yet disposed.
 * @param elements Its elements, which must not be used afterwards.
 */
export async function freeElements(
  x: tf.Tensor,
  elements: Elements,
): Promise<void> {
  if (elements.byteLength < LARGE_BYTES) return;
  const { tensorInfo } = engine().state;
  if (tensorInfo.get(x.dataId)?.backend !== tf.backend()) return;
  // Some backends keep the array of a new tensor and return it; others copy the
  // array, and return a new copy each time.
  const probe = tf.scalar(0);
  const first = await probe.data(), second = await probe.data();
  probe.dispose();
  if (first.buffer === second.buffer) return;
  (elements.buffer as ArrayBuffer).transfer(0);
}

/** The bytes of an array. */
export function bytesOfElements(elements: Elements): Uint8Array {
  const { buffer, byteOffset, byteLength } = elements;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A tensor of these elements, which may use the array. */
export function makeTensor(
  elements: Elements,
  { dtype, shape }: TensorInfo,
): tf.Tensor {
  return tf.keep(tf.tensor(elements, [...shape], dtype));
}

/** Cuts a stream of bytes into data records. */
export class DataWriter {
  readonly #sink: Sink;
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  #filled = 0;
  #number = 0;

  /** Write data records to `sink`. */
  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Write bytes; the caller may change them afterwards. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + CHUNK_BYTES - this.#filled);
      at += part.length;
      if (part.length === CHUNK_BYTES) {
        await this.#record(part);
        continue;
      }
      this.#chunk.set(part, this.#filled);
      this.#filled += part.length;
      if (this.#filled === CHUNK_BYTES) await this.end();
    }
  }

  /** Write the bytes of an incomplete record. */
  async end(): Promise<void> {
    if (this.#filled === 0) return;
    await this.#record(this.#chunk.subarray(0, this.#filled));
    this.#filled = 0;
  }

  async #record(bytes: Uint8Array): Promise<void> {
    await writeBytesRecord(this.#sink, this.#number++, bytes);
  }
}

/** The most bytes that msgpack adds to the bytes of tensors in a record. */
const MSGPACK_BYTES = 16;

/** Joins data records into a stream of bytes. */
export class DataReader {
  readonly #source: Source;
  readonly #chunkBytes: number;
  /** Space for one record. */
  readonly #buffer: Uint8Array;
  #chunk: Uint8Array = new Uint8Array();
  #number = 0;
  #left: number;

  /** Read the records after the header. */
  constructor(source: Source, { chunkBytes, dataBytes }: Header) {
    this.#source = source;
    this.#chunkBytes = Math.min(chunkBytes, dataBytes);
    this.#buffer = new Uint8Array(this.#chunkBytes + MSGPACK_BYTES);
    this.#left = dataBytes;
  }

  /** Fill `bytes` with the next ones. */
  async fill(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const part = await this.#take(bytes.length - at);
      bytes.set(part, at);
      at += part.length;
    }
  }

  /** Skip the next `length` bytes; their checksums are checked. */
  async skip(length: number): Promise<void> {
    while (length > 0) length -= (await this.#take(length)).length;
  }

  /** Read the rest, and check that nothing follows. */
  async end(): Promise<void> {
    await this.skip(this.#chunk.length + this.#left);
    if (this.#source.left === 0) return;
    throw new CheckpointError(
      `Cannot read the tensors: ${this.#source.left} bytes follow their end`,
    );
  }

  /** The next bytes, at most `max`. */
  async #take(max: number): Promise<Uint8Array> {
    if (this.#chunk.length === 0) this.#chunk = await this.#next();
    const part = this.#chunk.subarray(0, max);
    this.#chunk = this.#chunk.subarray(part.length);
    return part;
  }

  async #next(): Promise<Uint8Array> {
    const length = Math.min(this.#chunkBytes, this.#left);
    const value = await readRecord(
      this.#source,
      "tensors",
      length + MSGPACK_BYTES,
      this.#buffer,
    );
    const [number, bytes] = Array.isArray(value) ? value : [];
    if (
      number !== this.#number || !(bytes instanceof Uint8Array) ||
      bytes.length !== length
    ) {
      throw new CheckpointError(
        `Cannot read the tensors: record ${this.#number} is not the one expected`,
      );
    }
    this.#number++;
    this.#left -= length;
    return bytes;
  }
}
