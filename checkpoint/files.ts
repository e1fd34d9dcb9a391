/**
 * Files: sequential reading, and atomic replacement.
 *
 * @module
 */
import { CheckpointError } from "./format.ts";
import type { Sink, Source } from "./records.ts";

/** A path split into the folder, ending in a separator, and the file name. */
export function splitPath(path: string): [folder: string, name: string] {
  const separators = Deno.build.os === "windows" ? /[/\\]/g : /\//g;
  const end = [...path.matchAll(separators)].at(-1)?.index ?? -1;
  return [path.slice(0, end + 1) || "./", path.slice(end + 1)];
}

/** The prefix of temporary files, which are never listed or read. */
export const TEMPORARY = ".tmp-";

/** The age from which a temporary file counts as left by a killed process. */
const STALE_MS = 10 * 60_000;

/**
 * Replace a file atomically: its path always has a complete file.
 *
 * The bytes are written to a temporary file in the same folder and synced to disk
 * before it is renamed. Missing folders are created.
 *
 * @param path The file.
 * @param write A function that writes the bytes.
 * @throws If the file cannot be written; an older one is unchanged.
 */
export async function replaceFile(
  path: string,
  write: (sink: Sink) => Promise<void>,
): Promise<void> {
  const [folder, name] = splitPath(path);
  const temporary = `${folder}${TEMPORARY}${crypto.randomUUID()}-${name}`;
  try {
    await Deno.mkdir(folder, { recursive: true });
    await removeStale(folder, name);
    try {
      await writeSynced(temporary, write);
      await Deno.rename(temporary, path);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw error;
    }
    await syncFolder(folder);
  } catch (error) {
    throw explained(error, `Cannot write ${path}`);
  }
}

async function writeSynced(
  path: string,
  write: (sink: Sink) => Promise<void>,
): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  await write({ write: (bytes) => writeAll(file, bytes) });
  await file.sync();
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await file.write(bytes.subarray(at));
  }
}

/** Sync a folder to disk: a power failure could undo a rename before that. */
async function syncFolder(folder: string): Promise<void> {
  // On Windows folders cannot be opened, and this is not needed.
  if (Deno.build.os === "windows") return;
  using file = await Deno.open(folder);
  await file.sync();
}

/** Remove temporary files of earlier writers that were killed. */
async function removeStale(folder: string, name: string): Promise<void> {
  for await (const entry of Deno.readDir(folder)) {
    const isOurs = entry.name.startsWith(TEMPORARY) &&
      entry.name.endsWith(`-${name}`);
    if (!isOurs) continue;
    const path = folder + entry.name;
    // Another process may have renamed the file in between.
    const info = await Deno.stat(path).catch(() => null);
    if (Date.now() - (info?.mtime?.getTime() ?? Infinity) > STALE_MS) {
      await Deno.remove(path).catch(() => {});
    }
  }
}

/** `error`, with the failed action at the start of its message. */
function explained(error: unknown, action: string): unknown {
  if (error instanceof Error) {
    const hint = error instanceof Deno.errors.NotCapable
      ? " (saving needs --allow-read and --allow-write for the folder)"
      : "";
    error.message = `${action}: ${error.message}${hint}`;
  }
  return error;
}

/** Reads a file from its beginning. */
export class FileSource implements Source {
  readonly #file: Deno.FsFile;
  #left: number;

  private constructor(file: Deno.FsFile, size: number) {
    this.#file = file;
    this.#left = size;
  }

  /** Open the file at `path`. */
  static async open(path: string): Promise<FileSource> {
    try {
      const file = await Deno.open(path);
      return new FileSource(file, (await file.stat()).size);
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
      const count = await this.#file.read(bytes.subarray(at));
      if (count === null) {
        throw new CheckpointError("Cannot read the file: it ends early");
      }
      at += count;
    }
    this.#left -= bytes.length;
  }

  /** Skip the next `length` bytes. */
  async skip(length: number): Promise<void> {
    await this.#file.seek(length, Deno.SeekMode.Current);
    this.#left -= length;
  }

  /** Close the file. */
  [Symbol.dispose](): void {
    this.#file.close();
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
