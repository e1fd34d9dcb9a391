/**
 * Buffers of the device, which are used again and again.
 *
 * @module
 */

/** A buffer that is kept for further uses. */
interface Entry {
  readonly buffer: GPUBuffer;
  /** Counted from the first that was made. */
  readonly number: number;
  /** The free buffers of the same size and usage, by number. */
  readonly free: Entry[];
  /** The submit before which pending commands may use it. */
  busyUntil: number;
}

/**
 * Buffers by size and usage. A buffer that is released serves the next command at
 * once: commands run in order. What the host writes comes before pending commands,
 * so it takes a buffer that none of them uses.
 *
 * Of several free buffers the one made first is taken: equal steps use equal buffers,
 * and their bind groups can be used again.
 */
export class Buffers {
  readonly #device: GPUDevice;
  readonly #entries = new Map<GPUBuffer, Entry>();
  readonly #free = new Map<number, Map<number, Entry[]>>();
  /** Buffers that are never used for anything else. */
  readonly #lasting = new WeakSet<GPUBuffer>();
  #submits = 0;
  #made = 0;
  /** The bytes of the buffers in use. */
  numBytesUsed = 0;
  /** The bytes of all buffers. */
  numBytesAllocated = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** A buffer for commands to write. */
  acquireBuffer(
    size: number,
    usage: number,
    mappedAtCreation = false,
    reuse = true,
  ): GPUBuffer {
    const isFresh = mappedAtCreation || !reuse;
    return this.#take(size, usage, isFresh ? -1 : Infinity, mappedAtCreation);
  }

  /** A buffer for the host to write: no pending command uses it. */
  acquireIdle(size: number, usage: number): GPUBuffer {
    return this.#take(size, usage, this.#submits);
  }

  #take(
    size: number,
    usage: number,
    latest: number,
    mappedAtCreation = false,
  ): GPUBuffer {
    this.numBytesUsed += size;
    const free = this.#freeOf(size, usage);
    const at = free.findIndex(({ busyUntil }) => busyUntil <= latest);
    if (at >= 0) return free.splice(at, 1)[0]!.buffer;
    const buffer = this.#device.createBuffer({ size, usage, mappedAtCreation });
    const number = this.#made++;
    this.#entries.set(buffer, { buffer, number, free, busyUntil: 0 });
    this.numBytesAllocated += size;
    return buffer;
  }

  #freeOf(size: number, usage: number): Entry[] {
    let sizes = this.#free.get(usage);
    if (!sizes) this.#free.set(usage, sizes = new Map());
    let free = sizes.get(size);
    if (!free) sizes.set(size, free = []);
    return free;
  }

  /** Free a buffer for the next use, or for good unless `reuse`. */
  releaseBuffer(buffer: GPUBuffer, reuse = true): void {
    const entry = this.#entries.get(buffer);
    if (!entry || this.#lasting.has(buffer)) return;
    this.numBytesUsed -= buffer.size;
    if (!reuse) {
      this.#entries.delete(buffer);
      this.numBytesAllocated -= buffer.size;
      buffer.destroy();
      return;
    }
    const { free, number } = entry;
    entry.busyUntil = this.#submits + 1;
    let at = 0;
    for (let end = free.length; at < end;) {
      const middle = (at + end) >> 1;
      if (free[middle]!.number < number) at = middle + 1;
      else end = middle;
    }
    free.splice(at, 0, entry);
  }

  /** Keep a buffer for what it holds now. */
  keep(buffer: GPUBuffer): void {
    this.#lasting.add(buffer);
  }

  /** Note that no commands are pending. */
  submitted(): void {
    this.#submits++;
  }

  /** Destroy all. */
  dispose(): void {
    for (const buffer of this.#entries.keys()) buffer.destroy();
    this.#entries.clear();
    this.#free.clear();
    this.numBytesUsed = this.numBytesAllocated = 0;
  }
}
