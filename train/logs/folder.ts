/**
 * The folders of log files.
 *
 * @module
 */

/** Create the folder of the file `path`. */
export async function makeFolderOf(path: string): Promise<void> {
  const slash = path.lastIndexOf("/");
  if (slash > 0) await Deno.mkdir(path.slice(0, slash), { recursive: true });
}
