/**
 * The folders of log files.
 *
 * @module
 */

import type { WriteOptions } from "../../internal/system/interface.ts";
import { system } from "../../internal/system/system.ts";

/** Write the text file `path`, in a folder that is created if missing. */
export async function writeText(
  path: string,
  text: string,
  options: WriteOptions = {},
): Promise<void> {
  if (!options.append) await makeFolderOf(path);
  await system("write a log").writeTextFile(path, text, options);
}

/** Create the folder of the file `path`. */
async function makeFolderOf(path: string): Promise<void> {
  const slash = path.lastIndexOf("/");
  if (slash <= 0) return;
  const folder = path.slice(0, slash);
  await system("write a log").mkdir(folder, { recursive: true });
}
