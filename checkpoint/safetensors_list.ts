/**
 * What safetensors files have in them.
 *
 * @module
 */
import { filePath } from "../internal/file_path.ts";
import { CheckpointError } from "./format.ts";
import { readSafetensorsHeader } from "./safetensors_header.ts";
import { readingFiles } from "./safetensors_shards.ts";

/** A tensor in a safetensors file. */
export interface SafetensorsEntry {
  /** Its name. */
  readonly name: string;
  /** Its dtype in the format's words, such as `"F32"`. */
  readonly dtype: string;
  /** The sizes of its axes. */
  readonly shape: readonly number[];
}

/**
 * The tensors of a safetensors file, or of all shards of an index, in the order of
 * their bytes. Only the headers are read, so it is quick.
 *
 * @param file The path of the file, or of an index that ends in `.index.json`.
 * @throws {CheckpointError} If a file is damaged or not a safetensors file.
 */
export async function listSafetensors(
  file: string | URL,
): Promise<SafetensorsEntry[]> {
  const path = filePath("list safetensors", file);
  try {
    return await readingFiles(path, async (sources) => {
      const entries: SafetensorsEntry[] = [];
      for (const source of sources) {
        entries.push(...(await readSafetensorsHeader(source)).entries);
      }
      return entries;
    });
  } catch (error) {
    if (error instanceof CheckpointError) error.message += ` (${path})`;
    throw error;
  }
}
