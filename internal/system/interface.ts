/**
 * What of the machine the library uses: files, signals, the terminal. Internal.
 *
 * The interfaces are the parts of Deno's API that are used. Node and Bun get them from
 * their built-in modules; browsers have none.
 *
 * @module
 */

/** How to open a file. */
export interface OpenOptions {
  /** Whether to read from it. */
  readonly read?: boolean;
  /** Whether to write to it. */
  readonly write?: boolean;
  /** Whether to write at its end. */
  readonly append?: boolean;
  /** Whether to make it if it is not there. */
  readonly create?: boolean;
  /** Whether to make it, and to throw if it is there. */
  readonly createNew?: boolean;
}

/** A file that is open. */
export interface OpenFile extends Disposable {
  /** Read the next bytes: how many, or null at the end. */
  read(bytes: Uint8Array): Promise<number | null>;
  /** Write bytes: how many were written. */
  write(bytes: Uint8Array): Promise<number>;
  /** Move on by `offset` bytes; `whence` is 1. */
  seek(offset: number, whence: 1): Promise<number>;
  /** What is known of it. */
  stat(): Promise<FileInfo>;
  /** Wait until it is on the disk. */
  sync(): Promise<void>;
  /** Lock it as long as it is open, or its process lives. */
  lock(exclusive: boolean): Promise<void>;
  /** Lock it if nobody has; whether it is locked now. */
  tryLock(exclusive: boolean): Promise<boolean>;
  /** Close it. */
  close(): void;
}

/** What is known of a file. */
export interface FileInfo {
  /** Whether it is a file. */
  readonly isFile: boolean;
  /** Whether it is a folder. */
  readonly isDirectory: boolean;
  /** Whether it is a link. */
  readonly isSymlink: boolean;
  /** Its length in bytes. */
  readonly size: number;
}

/** How to write a text file. */
export interface WriteOptions {
  /** Whether to write at its end. */
  readonly append?: boolean;
  /** Whether to make it, and to throw if it is there. */
  readonly createNew?: boolean;
}

/** Files and folders. */
export interface Files {
  /** Open a file; by default to read it. */
  open(path: string, options?: OpenOptions): Promise<OpenFile>;
  /** What is known of what a path leads to. */
  stat(path: string): Promise<FileInfo>;
  /** What is known of a path, which may be a link. */
  lstat(path: string): Promise<FileInfo>;
  /** Where a link leads. */
  readLink(path: string): Promise<string>;
  /** Give a file another path, in the place of what is there. */
  rename(from: string, to: string): Promise<void>;
  /** Remove a file. */
  remove(path: string): Promise<void>;
  /** Remove a file, without waiting. */
  removeSync(path: string): void;
  /** Make a folder, and those around it if `recursive`. */
  mkdir(
    path: string,
    options?: { readonly recursive?: boolean },
  ): Promise<void>;
  /** The entries of a folder. */
  readDir(
    path: string,
  ): AsyncIterable<{ readonly name: string; readonly isFile: boolean }>;
  /** The bytes of a file. */
  readFile(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /** The text of a file. */
  readTextFile(path: string): Promise<string>;
  /** Write a text file. */
  writeTextFile(
    path: string,
    text: string,
    options?: WriteOptions,
  ): Promise<void>;
}

/** A signal that ends a process. */
export type Signal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Files, signals, the terminal and the program. */
export interface System extends Files {
  /** The operating system: `"windows"`, `"linux"`, ... */
  readonly build: { readonly os: string };
  /** The arguments of the program. */
  readonly args: readonly string[];
  /** The address of the program's first module. */
  readonly mainModule: string;
  /** Whether the user wants no colors. */
  readonly noColor: boolean;
  /** The standard error stream. */
  readonly stderr: {
    /** Whether it is a terminal. */
    isTerminal(): boolean;
    /** Write bytes, without waiting. */
    writeSync(bytes: Uint8Array): number;
  };
  /** The size of the terminal; throws where there is none. */
  consoleSize(): { readonly columns: number };
  /** Call `fn` at a signal. */
  addSignalListener(signal: Signal, fn: () => void): void;
  /** Call it no longer. */
  removeSignalListener(signal: Signal, fn: () => void): void;
}

/** What only Deno has. */
export interface DenoSystem extends System {
  /** The versions of its parts. */
  readonly version: { readonly deno: string };
  /** Environment variables; reading one may ask for permission. */
  readonly env: {
    get(name: string): string | undefined;
    set(name: string, value: string): void;
  };
  /** Permissions. */
  readonly permissions: {
    querySync(
      query: { readonly name: "env"; readonly variable: string },
    ): { readonly state: string };
    requestSync(
      query: { readonly name: "read"; readonly path: string },
    ): { readonly state: string };
  };
  /** The notebook, where the program is one. */
  readonly jupyter?: {
    display(
      data: Readonly<Record<string, string>>,
      options: {
        readonly raw: boolean;
        readonly display_id: string;
        readonly update: boolean;
      },
    ): Promise<void>;
  };
  /** Errors. */
  readonly errors: { readonly NotCapable: new (message: string) => Error };
  /** End the process. */
  exit(code: number): never;
}
