/**
 * Finds the MPI library of this machine, and opens it.
 *
 * @module
 */
import { type Abi, type HandleName, MPICH, OPEN_MPI, STANDARD } from "./abi.ts";
import { declare, type Functions, type Handle } from "./functions.ts";
import { type Declaration, needDeno } from "./foreign.ts";
import { isOfOpenMpi } from "./launcher.ts";

/** A library that is open. */
export interface Library {
  /** What it calls itself. */
  readonly version: string;
  /** How it is called. */
  readonly abi: Abi;
  /** Its functions. */
  readonly call: Functions;
  /** Its handles. */
  readonly handles: Readonly<Record<HandleName, Handle>>;
}

/** File names of libraries; the system's loader knows the folders. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  linux: [
    "libmpi_abi.so.1", // PyPI's libmpi_abi.so is a script for linkers
    "libmpi.so.12",
    "libmpich.so.12", // Debian's MPICH
    "libmpi.so.40", // Open MPI
  ],
  darwin: ["libmpi_abi.1.dylib", "libmpi.12.dylib", "libmpi.40.dylib"],
  windows: ["msmpi.dll", "impi.dll"],
};

/**
 * Open an MPI library.
 *
 * @param path The file. Default: the first that is found, of the launcher's family.
 * @throws {Error} If there is none, or it may not be opened.
 */
export function openLibrary(path?: string): Library {
  const names = path === undefined ? candidates() : [path];
  const failures: string[] = [];
  for (const name of names) {
    try {
      return open(name);
    } catch (error) {
      if (error instanceof needDeno().errors.NotCapable) {
        throw notAllowed(name, error);
      }
      const { message } = error as Error;
      failures.push(`${name}: ${message.split(": ").at(-1)}`);
    }
  }
  throw new Error(
    `Cannot open MPI: a library must be installed, as by "apt-get install mpich" on Debian or "pip install mpich", whose folder LD_LIBRARY_PATH or mpi({ library }) must name. What was tried:\n  ${
      failures.join("\n  ")
    }`,
  );
}

/** The names of libraries, the launcher's family first. */
function candidates(): readonly string[] {
  const names = NAMES[needDeno().build.os] ?? NAMES.linux!;
  const isOpenMpi = isOfOpenMpi();
  const fits = (name: string) => Number(name.includes(".40") === isOpenMpi);
  return names.toSorted((a, b) => fits(b) - fits(a));
}

function open(name: string): Library {
  const { version, abi } = probe(name);
  if (abi === OPEN_MPI) openForPlugins(name);
  const { symbols } = needDeno().dlopen(name, declare(abi));
  const found = symbols as unknown as Functions & Record<string, Handle>;
  const handles = Object.fromEntries(
    Object.entries(abi.handles).map(([key, value]) => [
      key,
      typeof value === "string" ? found[value]! : value,
    ]),
  ) as Record<HandleName, Handle>;
  return { version, abi, call: found, handles };
}

/** What a library says of itself: its file may have any name. */
function probe(name: string): { version: string; abi: Abi } {
  const of = (optional: boolean) =>
    ({ parameters: ["buffer", "buffer"], result: "i32", optional }) as const;
  const { symbols, close } = openSymbols(name, {
    MPI_Get_library_version: of(false),
    MPI_Abi_get_version: of(true),
  });
  const text = new Uint8Array(8192), length = new Int32Array(1);
  symbols["MPI_Get_library_version"]!(text, length);
  // A library that has an ABI of its own leaves -1 there.
  const major = new Int32Array(1).fill(-1);
  symbols["MPI_Abi_get_version"]?.(major, new Int32Array(1));
  close();
  const version = new TextDecoder().decode(text.subarray(0, length[0]))
    .replaceAll("\0", "").split("\n")[0]!.replace(/\s+/g, " ");
  if (major[0]! >= 1) return { version, abi: STANDARD };
  return { version, abi: version.startsWith("Open MPI") ? OPEN_MPI : MPICH };
}

function openSymbols(
  name: string,
  symbols: Readonly<Record<string, Declaration>>,
) {
  const library = needDeno().dlopen(name, symbols);
  return {
    symbols: library.symbols as unknown as Record<
      string,
      ((...args: ArrayBufferView[]) => number) | null
    >,
    close: () => library.close(),
  };
}

/** Plugins of Open MPI may look for its symbols among the global ones, which Deno's are not. */
function openForPlugins(name: string): void {
  const { build, dlopen } = needDeno(), isMac = build.os === "darwin";
  const [GLOBAL, NOW] = [isMac ? 0x8 : 0x100, 2];
  try {
    const libc = dlopen(isMac ? "libSystem.dylib" : "libc.so.6", {
      dlopen: { parameters: ["buffer", "i32"], result: "pointer" },
    });
    const { dlopen: open } = libc.symbols as {
      dlopen(name: Uint8Array, flags: number): unknown;
    };
    open(new TextEncoder().encode(`${name}\0`), GLOBAL | NOW);
  } catch {
    // Not permitted, or a C library of another name: most builds do not need it.
  }
}

function notAllowed(name: string, cause: Error): Error {
  return new (needDeno().errors.NotCapable)(
    `Cannot open MPI: ${name} needs --allow-ffi; to allow one library only, give its whole path there and in mpi({ library })`,
    { cause },
  );
}
