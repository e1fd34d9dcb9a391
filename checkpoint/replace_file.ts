/**
 * Atomic replacement of files.
 *
 * @module
 */
import { join } from "../internal/file_path.ts";
import { isError } from "../internal/system/errors.ts";
import type { OpenFile } from "../internal/system/interface.ts";
import { removeLeftover, temporaryName } from "../internal/system/temporary.ts";
import { anySystem, system } from "../internal/system/system.ts";
import { explained } from "./files.ts";
import type { Sink } from "./records.ts";

/** A path split into the folder, ending in a separator, and the file name. */
export function splitPath(path: string): [folder: string, name: string] {
  const isWindows = anySystem?.build.os === "windows";
  const separators = isWindows ? /[/\\]/g : /\//g;
  const end = [...path.matchAll(separators)].at(-1)?.index ?? -1;
  return [path.slice(0, end + 1) || "./", path.slice(end + 1)];
}

const SAVE = "save a file";

/** The prefix of temporary files, which are never listed or read. */
export const TEMPORARY = ".tmp-";

/**
 * Replace a file atomically: its path always has a complete file.
 *
 * The bytes are written to a temporary file in the same folder and synced to disk
 * before it is renamed. Missing folders are created. If the path is a link, the file
 * that it points to is replaced.
 *
 * @param path The file.
 * @param write A function that writes the bytes.
 * @throws If the file cannot be written; an older one is unchanged.
 */
export async function replaceFile(
  path: string,
  write: (sink: Sink) => Promise<void>,
): Promise<void> {
  try {
    const target = await followLinks(path);
    const [folder] = splitPath(target);
    await makeFolder(folder);
    await removeLeftovers(folder);
    await TemporaryFile.using(folder, async (temporary) => {
      await temporary.write(write);
      await system(SAVE).rename(temporary.path, target);
      temporary.isRenamed = true;
      await syncFolder(folder);
    });
  } catch (error) {
    throw explained(error, `Cannot write ${path}`);
  }
}

/**
 * Throw unless files can be written in `folder`, which is created if missing, and
 * remove what killed writers have left there.
 */
export async function probeFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    await removeLeftovers(folder);
    await TemporaryFile.using(
      folder,
      (temporary) => temporary.write((sink) => sink.write(new Uint8Array(1))),
    );
  } catch (error) {
    throw explained(error, `Cannot write to the folder ${folder}`);
  }
}

/** A file that is removed unless it was renamed. */
class TemporaryFile {
  /** Where it is. */
  readonly path: string;
  /** Set once it has another name. */
  isRenamed = false;
  readonly #file: OpenFile;

  private constructor(path: string, file: OpenFile) {
    this.path = path;
    this.#file = file;
  }

  /**
   * Use a new file in `folder`, locked as long as it is open: the system unlocks the
   * files of a process that is killed, so that others know them to be left over.
   */
  static async using(
    folder: string,
    use: (temporary: TemporaryFile) => Promise<void>,
  ): Promise<void> {
    const temporary = await TemporaryFile.#create(folder);
    try {
      await use(temporary);
    } finally {
      temporary.#close();
    }
  }

  static async #create(folder: string): Promise<TemporaryFile> {
    while (true) {
      const path = join(folder, temporaryName(TEMPORARY));
      const options = { read: true, write: true, createNew: true };
      const file = await system(SAVE).open(path, options);
      const temporary = new TemporaryFile(path, file);
      let isThere = false;
      try {
        // Some file systems have no locks: there, nothing is ever left over.
        await file.lock(true).catch(() => {});
        // Before it was locked, another process may have taken it for a leftover.
        isThere = await system(SAVE).stat(path).catch(ignoreMissing) !== null;
        if (isThere) return temporary;
      } finally {
        if (!isThere) temporary.#close();
      }
    }
  }

  /** Write with `write`, and sync the file to disk. */
  async write(write: (sink: Sink) => Promise<void>): Promise<void> {
    await write({ write: (bytes) => writeAll(this.#file, bytes) });
    await this.#file.sync();
  }

  /** Close the file, and remove it if it was not renamed. */
  #close(): void {
    try {
      if (!this.isRenamed) system(SAVE).removeSync(this.path);
    } catch (error) {
      ignoreMissing(error);
    } finally {
      this.#file.close();
    }
  }
}

/** Write all of `bytes`. */
export async function writeAll(
  file: OpenFile,
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await file.write(bytes.subarray(at));
  }
}

/** The file that `path` leads to if it is a link, even if that does not exist. */
async function followLinks(path: string): Promise<string> {
  for (let links = 0; links < 40; links++) {
    const info = await system(SAVE).lstat(path).catch(ignoreMissing);
    if (!info?.isSymlink) return path;
    const target = await system(SAVE).readLink(path);
    const isAbsolute = /^([/\\]|[a-z]:)/i.test(target);
    path = isAbsolute ? target : splitPath(path)[0] + target;
  }
  throw new RangeError("its links lead in a circle");
}

/** Create a folder and those around it, synced to disk. */
async function makeFolder(folder: string): Promise<void> {
  const info = await system(SAVE).stat(folder).catch(ignoreMissing);
  if (info?.isDirectory) return;
  const [parent] = splitPath(folder.replace(/[/\\]+$/, ""));
  if (parent !== folder) await makeFolder(parent);
  await system(SAVE).mkdir(folder).catch((error) => {
    // Another process may have created it in between.
    if (!isError(error, "exists") || info) throw error;
  });
  await syncFolder(parent);
}

/** Sync a folder to disk: a power failure could undo a rename before that. */
async function syncFolder(folder: string): Promise<void> {
  // On Windows folders cannot be opened, and this is not needed.
  if (system(SAVE).build.os === "windows") return;
  const file = await system(SAVE).open(folder);
  try {
    await file.sync();
  } finally {
    file.close();
  }
}

/** Remove temporary files of writers that were killed; the others are locked. */
async function removeLeftovers(folder: string): Promise<void> {
  for await (const { name, isFile } of system(SAVE).readDir(folder)) {
    if (!isFile || !name.startsWith(TEMPORARY)) continue;
    await removeLeftover(join(folder, name), name);
  }
}

function ignoreMissing(error: unknown): null {
  if (isError(error, "missing")) return null;
  throw error;
}
