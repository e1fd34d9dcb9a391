/**
 * Sequential reading of files and bytes, and collecting of bytes.
 *
 * @module
 */
import { isError } from "../internal/system/errors.ts";
import type { OpenFile } from "../internal/system/interface.ts";
import { system } from "../internal/system/system.ts";
import { CheckpointError } from "./format.ts";
import type { Sink, Source } from "./records.ts";

/** `error`, with the failed action at the start of its message. */
export function explained(error: unknown, action: string): unknown {
  if (error instanceof Error) {
    const hint = isError(error, "forbidden")
      ? " (saving needs --allow-read and --allow-write for the folder)"
      : "";
    error.message = `${action}: ${error.message}${hint}`;
  }
  return error;
}

/** Reads a file from its beginning. */
export class FileSource implements Source {
  readonly #file: OpenFile;
  readonly #path: string;
  #left: number;

  private constructor(file: OpenFile, path: string, size: number) {
    this.#file = file;
    this.#path = path;
    this.#left = size;
  }

  /**
   * What `read` makes of the file at `path`, which is open meanwhile. Not with `using`,
   * which Node 22 and some browsers cannot parse.
   */
  static async reading<T>(
    path: string,
    read: (source: FileSource) => Promise<T>,
  ): Promise<T> {
    const source = await FileSource.#open(path);
    try {
      return await read(source);
    } finally {
      source.#file.close();
    }
  }

  static async #open(path: string): Promise<FileSource> {
    try {
      const file = await system("read a checkpoint").open(path);
      return new FileSource(file, path, (await file.stat()).size);
    } catch (error) {
      throw explained(error, `Cannot read ${path}`);
    }
  }

  /** The number of bytes that have not been read. */
  get left(): number {
    return this.#left;
  }

  /** Fill `bytes` with the next ones. */
  async fill(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const count = await this.#file.read(bytes.subarray(at))
        .catch((error) => {
          // Such as that of a folder, which can be opened.
          throw explained(error, `Cannot read ${this.#path}`);
        });
      if (count === null) {
        throw new CheckpointError("Cannot read the file: it ends early");
      }
      at += count;
    }
    this.#left -= bytes.length;
  }

  /** Skip the next `length` bytes. */
  async skip(length: number): Promise<void> {
    await this.#file.seek(length, 1);
    this.#left -= length;
  }
}

/** Reads bytes in memory from their beginning. */
export class BytesSource implements Source {
  #bytes: Uint8Array;

  /** Read `bytes`. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The number of bytes that have not been read. */
  get left(): number {
    return this.#bytes.length;
  }

  /** Fill `bytes` with the next ones. */
  fill(bytes: Uint8Array): Promise<void> {
    bytes.set(this.#bytes.subarray(0, bytes.length));
    return this.skip(bytes.length);
  }

  /** Skip the next `length` bytes. */
  skip(length: number): Promise<void> {
    this.#bytes = this.#bytes.subarray(length);
    return Promise.resolve();
  }
}

/** Collects the bytes that are written to it. */
export class BytesSink implements Sink {
  readonly #chunks: Uint8Array[] = [];

  /** Write all of `bytes`. */
  write(bytes: Uint8Array): Promise<void> {
    this.#chunks.push(bytes.slice());
    return Promise.resolve();
  }

  /** All bytes, in one array. */
  join(): Uint8Array<ArrayBuffer> {
    const length = this.#chunks.reduce((sum, { length }) => sum + length, 0);
    const joined = new Uint8Array(length);
    let at = 0;
    for (const chunk of this.#chunks) {
      joined.set(chunk, at);
      at += chunk.length;
    }
    return joined;
  }
}
