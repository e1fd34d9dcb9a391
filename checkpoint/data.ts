/**
 * The elements of tensors: out of them, into them, and through data records.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { engine } from "../engine.ts";
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

/** The elements of a tensor; the array may be the tensor's own. */
export async function elementsIn(x: tf.Tensor): Promise<Elements> {
  const Elements = ARRAYS[x.dtype as SavedType];
  const elements = await x.data();
  if (elements instanceof Elements) return elements;
  // Backends disagree about the array of a bool tensor.
  return Elements.from(elements as ArrayLike<number>);
}

/** Smaller arrays are left to the garbage collector. */
const LARGE_BYTES = 2 ** 20;

/**
 * Free a large array that {@linkcode elementsIn} gave or {@linkcode makeTensor}
 * took, if the tensor does not keep it: the garbage collector would let those of
 * many tensors pile up first.
 *
 * @param x The tensor, not yet disposed.
 * @param elements Its elements, which must not be used any more.
 */
export async function freeElements(
  x: tf.Tensor,
  elements: Elements,
): Promise<void> {
  if (elements.byteLength < LARGE_BYTES) return;
  const { tensorInfo } = engine().state;
  if (tensorInfo.get(x.dataId)?.backend !== tf.backend()) return;
  // Some backends keep the array of a new tensor, and give that one; others copy
  // what they are given, and give a copy each time.
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

/** A tensor of these elements, which may keep the array. */
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

  /** Write records to `sink`. */
  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Write bytes, which may change afterwards. */
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

  /** Write what is left of them. */
  async end(): Promise<void> {
    if (this.#filled === 0) return;
    await this.#record(this.#chunk.subarray(0, this.#filled));
    this.#filled = 0;
  }

  async #record(bytes: Uint8Array): Promise<void> {
    await writeBytesRecord(this.#sink, this.#number++, bytes);
  }
}

/** What a data record may have besides the bytes of tensors. */
const MSGPACK_BYTES = 16;

/** Joins data records into the stream of bytes that was cut into them. */
export class DataReader {
  readonly #source: Source;
  readonly #chunkBytes: number;
  /** Holds one record. */
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

  /** Leave out the next `length` bytes, which are checked all the same. */
  async skip(length: number): Promise<void> {
    while (length > 0) length -= (await this.#take(length)).length;
  }

  /** Read what is left, and check that it is all. */
  async end(): Promise<void> {
    await this.skip(this.#chunk.length + this.#left);
    if (this.#source.left === 0) return;
    throw new CheckpointError(
      `Cannot read the tensors: ${this.#source.left} bytes follow their end`,
    );
  }

  /** Some bytes, at most `max`. */
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
