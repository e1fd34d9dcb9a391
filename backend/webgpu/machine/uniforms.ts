/**
 * Numbers that commands read.
 *
 * @module
 */

/** Words of four bytes, as the device reads them. */
export type Words = Uint32Array<ArrayBuffer>;

/** Bytes of a buffer of numbers. */
const PAGE = 2 ** 16;
/** The most different contents that are kept. */
const MOST = 2 ** 14;

/** A buffer, and what it is to hold after the next write. */
interface Page {
  readonly buffer: GPUBuffer;
  readonly words: Words;
  /** The bytes that are to be written. */
  from: number;
  to: number;
}

/**
 * Numbers for commands, in few buffers. Those that stay the same from step to step
 * are written once per content. Those that change have their places in the order in
 * which they come in a submit, the same in equal steps. Each page is written once in a
 * submit at most.
 */
export class Uniforms {
  readonly #device: GPUDevice;
  readonly #align: number;
  readonly #known = new Map<string, GPUBufferBinding>();
  readonly #lasting = new Pages();
  readonly #changing = new Pages();

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#align = device.limits.minUniformBufferOffsetAlignment;
  }

  /** A place with these words, which stay. */
  constant(words: Words): GPUBufferBinding {
    const key = words.join();
    let place = this.#known.get(key);
    if (!place) this.#known.set(key, place = this.#add(this.#lasting, words));
    return place;
  }

  /** A place with these words until the next submit. */
  changing(words: Words): GPUBufferBinding {
    return this.#add(this.#changing, words);
  }

  /** Whether there are so many contents that it should be cleared. */
  get isFull(): boolean {
    return this.#known.size >= MOST;
  }

  /** Forget all contents, when no commands are pending. */
  clear(): void {
    this.#known.clear();
    this.#lasting.restart();
  }

  #add(pages: Pages, words: Words): GPUBufferBinding {
    const size = words.byteLength;
    const { page, offset } = pages.place(size, this.#align, this.#make);
    page.words.set(words, offset / 4);
    page.from = Math.min(page.from, offset);
    page.to = Math.max(page.to, offset + size);
    return { buffer: page.buffer, offset, size };
  }

  readonly #make = (size: number): Page => ({
    buffer: this.#device.createBuffer({
      size,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    }),
    words: new Uint32Array(size / 4),
    from: size,
    to: 0,
  });

  /** Write what is new; commands that are submitted afterwards find it. */
  write(queue: GPUQueue): void {
    this.#lasting.write(queue);
    this.#changing.write(queue);
    this.#changing.restart();
  }
}

/** Pages that are filled one after the other. */
class Pages {
  readonly #pages: Page[] = [];
  #at = 0;
  #end = 0;

  place(
    size: number,
    align: number,
    make: (size: number) => Page,
  ): { page: Page; offset: number } {
    const room = this.#pages[this.#at]?.words.byteLength ?? PAGE;
    if (this.#end + size > room) {
      this.#at++;
      this.#end = 0;
    }
    const page = this.#pages[this.#at] ??= make(PAGE);
    const offset = this.#end;
    this.#end = Math.ceil((offset + size) / align) * align;
    return { page, offset };
  }

  restart(): void {
    this.#at = this.#end = 0;
  }

  write(queue: GPUQueue): void {
    for (const page of this.#pages) {
      const { buffer, words, from, to } = page;
      if (from >= to) continue;
      queue.writeBuffer(buffer, from, words, from / 4, (to - from) / 4);
      page.from = words.byteLength;
      page.to = 0;
    }
  }
}
