/**
 * The system under Node and Bun, by their built-in modules.
 *
 * @module
 */
import "../dispose.ts";
import type { FileHandle } from "node:fs/promises";
import type { Stats } from "node:fs";
import { builtin, nodeProcess } from "./builtin.ts";
import type { FileInfo, OpenFile, OpenOptions, System } from "./interface.ts";

/** Flags of `fs.open`. */
function flagsOf({ read, write, append, create, createNew }: OpenOptions) {
  if (append) return read ? "a+" : "a";
  if (createNew) return read ? "wx+" : "wx";
  if (create) return read ? "w+" : "w";
  return write ? "r+" : "r";
}

function infoOf(info: Stats): FileInfo {
  return {
    isFile: info.isFile(),
    isDirectory: info.isDirectory(),
    isSymlink: info.isSymbolicLink(),
    size: info.size,
  };
}

/** A file of `fs.promises`. */
class NodeFile implements OpenFile {
  readonly #handle: FileHandle;
  /** Where the next read begins. */
  #at = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async read(bytes: Uint8Array): Promise<number | null> {
    const { bytesRead } = await this.#handle.read(
      bytes,
      0,
      bytes.length,
      this.#at,
    );
    this.#at += bytesRead;
    return bytesRead === 0 && bytes.length > 0 ? null : bytesRead;
  }

  async write(bytes: Uint8Array): Promise<number> {
    return (await this.#handle.write(bytes)).bytesWritten;
  }

  seek(offset: number, _whence: 1): Promise<number> {
    this.#at += offset;
    return Promise.resolve(this.#at);
  }

  async stat(): Promise<FileInfo> {
    return infoOf(await this.#handle.stat());
  }

  async sync(): Promise<void> {
    await this.#handle.sync();
  }

  /** Node has no locks. */
  lock(): Promise<void> {
    return Promise.resolve();
  }

  /** Node has no locks. */
  tryLock(): Promise<boolean> {
    return Promise.resolve(false);
  }

  close(): void {
    this.#handle.close().catch(() => {});
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The system under Node or Bun; undefined elsewhere. */
export function nodeSystem(): System | undefined {
  const process = nodeProcess();
  const fs = builtin("node:fs");
  if (!process || !fs) return undefined;
  const files = fs.promises;
  return {
    build: { os: process.platform === "win32" ? "windows" : process.platform },
    args: process.argv.slice(2),
    mainModule: process.argv[1] ?? "",
    noColor: "NO_COLOR" in process.env,
    stderr: {
      isTerminal: () => process.stderr.isTTY === true,
      writeSync: (bytes) => fs.writeSync(2, bytes),
    },
    consoleSize() {
      const { columns } = process.stderr;
      if (columns) return { columns };
      throw new Error("Cannot tell the size of the terminal: there is none");
    },
    addSignalListener: (signal, fn) => void process.on(signal, fn),
    removeSignalListener: (signal, fn) => void process.off(signal, fn),
    open: async (path, options = { read: true }) =>
      new NodeFile(await files.open(path, flagsOf(options))),
    stat: async (path) => infoOf(await files.stat(path)),
    lstat: async (path) => infoOf(await files.lstat(path)),
    readLink: (path) => files.readlink(path),
    rename: (from, to) => files.rename(from, to),
    remove: (path) => files.unlink(path),
    removeSync: (path) => fs.unlinkSync(path),
    async mkdir(path, options) {
      await files.mkdir(path, options);
    },
    async *readDir(path) {
      for (const entry of await files.readdir(path, { withFileTypes: true })) {
        yield { name: entry.name, isFile: entry.isFile() };
      }
    },
    readFile: async (path) => new Uint8Array(await files.readFile(path)),
    readTextFile: (path) => files.readFile(path, "utf8"),
    writeTextFile: (path, text, { append, createNew } = {}) =>
      files.writeFile(path, text, {
        flag: append ? "a" : createNew ? "wx" : "w",
      }),
  };
}
