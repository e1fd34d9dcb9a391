import { type Code, Constant, type Hoisted, u32 } from "./code.ts";

/** Bytes that grow. */
export class Bytes {
  #data = new Uint8Array(1024);
  #length = 0;

  /** The bytes so far. */
  get value(): Uint8Array<ArrayBuffer> {
    return this.#data.slice(0, this.#length);
  }

  #room(more: number): void {
    if (this.#length + more <= this.#data.length) return;
    const data = new Uint8Array(2 * (this.#length + more));
    data.set(this.#data);
    this.#data = data;
  }

  /** Append code; hoisted constants are read from their variables. */
  write(code: Code, hoisted?: Hoisted): void {
    for (const part of code) {
      if (typeof part === "number") {
        this.#room(1);
        this.#data[this.#length++] = part;
      } else if (part instanceof Constant) {
        this.write(hoisted?.get(part)?.code ?? part.bytes);
      } else this.write(part, hoisted);
    }
  }

  /** Append what `write` writes, and its length before it. */
  sized(write: (bytes: Bytes) => void): void {
    const inner = new Bytes();
    write(inner);
    this.write(u32(inner.#length));
    this.#room(inner.#length);
    this.#data.set(inner.#data.subarray(0, inner.#length), this.#length);
    this.#length += inner.#length;
  }

  /** Append a section: its number, its size, how many items, the items. */
  section<T>(
    id: number,
    items: readonly T[],
    write: (bytes: Bytes, item: T, index: number) => void,
  ): void {
    this.write([id]);
    this.sized((bytes) => {
      bytes.write(u32(items.length));
      items.forEach((item, i) => write(bytes, item, i));
    });
  }
}
