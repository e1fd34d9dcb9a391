/**
 * Reading buffers.
 *
 * In browsers one awaits `mapAsync`. On Deno its promise is polled every 10 ms, but the
 * call itself waits until the device has nothing more to do, and the buffer is mapped
 * when it returns. That is not documented, so it is tried when a device is opened, and
 * not relied upon where it fails.
 *
 * @module
 */

import { deno } from "../../../internal/system/system.ts";

/** A buffer that values are copied to, of at least so many bytes. */
interface Stage {
  readonly buffer: GPUBuffer;
  readonly size: number;
}

/** The largest buffer that is kept. */
const LARGEST = 2 ** 26;

/** Reads of a device's buffers. */
export class Reader {
  readonly #device: GPUDevice;
  readonly #free: Stage[] = [];
  #readsAtOnce = false;

  private constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Reads of the buffers of `device`. */
  static open(device: GPUDevice): Reader {
    const reader = new Reader(device);
    reader.#readsAtOnce = deno !== undefined && reader.#try();
    return reader;
  }

  /** Whether {@linkcode readNow} works. */
  get readsAtOnce(): boolean {
    return this.#readsAtOnce;
  }

  /** Whether a buffer is mapped as soon as that is asked for. */
  #try(): boolean {
    const device = this.#device, size = 256;
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const source = device.createBuffer({ size, usage });
    const words = new Uint32Array([1, 2, 3, 4]);
    try {
      for (let i = 0; i < 2; i++) {
        words[0] = 77 + i;
        device.queue.writeBuffer(source, 0, words);
        const encoder = device.createCommandEncoder();
        const read = new Uint32Array(this.#copyAndMap(encoder, source, 16));
        if (read.join() !== words.join()) return false;
      }
      return true;
    } catch {
      return false;
    } finally {
      source.destroy();
    }
  }

  #copyAndMap(
    encoder: GPUCommandEncoder,
    source: GPUBuffer,
    bytes: number,
    submit: () => void = () => this.#device.queue.submit([encoder.finish()]),
  ): ArrayBuffer {
    const stage = this.#take(bytes);
    encoder.copyBufferToBuffer(source, 0, stage.buffer, 0, bytes);
    submit();
    // The promise is rejected when the buffer is unmapped before it is polled.
    stage.buffer.mapAsync(GPUMapMode.READ).catch(() => {});
    const copy = stage.buffer.getMappedRange(0, bytes).slice(0);
    stage.buffer.unmap();
    if (stage.size <= LARGEST) this.#free.push(stage);
    else stage.buffer.destroy();
    return copy;
  }

  #take(bytes: number): Stage {
    const size = Math.max(256, 2 ** Math.ceil(Math.log2(bytes)));
    const at = this.#free.findIndex((stage) => stage.size === size);
    if (at >= 0) return this.#free.splice(at, 1)[0]!;
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    // Deno ends the process when one asks for the bytes of a buffer that was never
    // mapped, so it is mapped once.
    const buffer = this.#device.createBuffer({
      size,
      usage,
      mappedAtCreation: true,
    });
    buffer.unmap();
    return { buffer, size };
  }

  /**
   * The first bytes of a buffer, read at once.
   *
   * @param encoder An encoder with no pass open, which `submit` submits.
   */
  readNow(
    source: GPUBuffer,
    bytes: number,
    encoder: GPUCommandEncoder,
    submit: () => void,
  ): ArrayBuffer {
    return this.#copyAndMap(encoder, source, bytes, submit);
  }

  /** The first bytes of a buffer as it is after `submit`; the same parameters. */
  async read(
    source: GPUBuffer,
    bytes: number,
    encoder: GPUCommandEncoder,
    submit: () => void,
  ): Promise<ArrayBuffer> {
    if (this.#readsAtOnce) {
      let isSubmitted = false;
      try {
        return this.readNow(source, bytes, encoder, () => {
          submit();
          isSubmitted = true;
        });
      } catch (error) {
        if (!isSubmitted) throw error;
        this.#readsAtOnce = false;
      }
      encoder = this.#device.createCommandEncoder();
      submit = () => this.#device.queue.submit([encoder.finish()]);
    }
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const stage = this.#device.createBuffer({ size: bytes, usage });
    try {
      encoder.copyBufferToBuffer(source, 0, stage, 0, bytes);
      submit();
      await stage.mapAsync(GPUMapMode.READ);
      return stage.getMappedRange().slice(0);
    } finally {
      stage.destroy();
    }
  }
}
