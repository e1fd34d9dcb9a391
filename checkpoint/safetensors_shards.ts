/**
 * Safetensors in several files, with an index that tells which tensor is where.
 *
 * @module
 */
import { join } from "../internal/file_path.ts";
import { system } from "../internal/system/system.ts";
import { explained, FileSource } from "./files.ts";
import { CheckpointError } from "./format.ts";
import type { Source } from "./records.ts";
import { splitPath } from "./replace_file.ts";
import { isRecord } from "./tree.ts";

/**
 * What `read` makes of a file, or of all files that an index names; they are open
 * meanwhile.
 *
 * @param path The path of a file, or of an index, which ends in `.index.json`; its
 * files lie beside it.
 * @param read Takes the files, each from its beginning.
 * @throws {CheckpointError} If it is no index.
 */
export async function readingFiles<T>(
  path: string,
  read: (sources: readonly Source[]) => Promise<T>,
): Promise<T> {
  const [folder] = splitPath(path);
  const files = path.endsWith(".index.json")
    ? (await filesOf(path)).map((file) => join(folder, file))
    : [path];
  const open = (sources: readonly Source[]): Promise<T> => {
    const file = files[sources.length];
    return file === undefined ? read(sources) : FileSource.reading(
      file,
      (source) => open([...sources, source]),
    );
  };
  return await open([]);
}

/** The names of the files, each once. */
async function filesOf(path: string): Promise<string[]> {
  const fail = (problem: string) =>
    new CheckpointError(`Cannot read the index of shards: ${problem}`);
  let text: string;
  try {
    text = await system("read a checkpoint").readTextFile(path);
  } catch (error) {
    throw explained(error, `Cannot read ${path}`);
  }
  let index: unknown;
  try {
    index = JSON.parse(text);
  } catch {
    throw fail("it is no JSON");
  }
  const map = isRecord(index) ? index["weight_map"] : undefined;
  if (!isRecord(map)) throw fail("it has no weight_map");
  const files = [...new Set(Object.values(map))];
  for (const file of files) {
    // An index from elsewhere must not lead out of its folder.
    if (typeof file !== "string" || !/^[^/\\]+\.safetensors$/.test(file)) {
      throw fail(
        `files must be names that end in .safetensors: current value is ${
          JSON.stringify(file)
        }`,
      );
    }
  }
  return files as string[];
}
