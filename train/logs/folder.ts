/**
 * The folders of log files.
 *
 * @module
 */

/** Make the folder that `path` is in. */
export async function makeFolderOf(path: string): Promise<void> {
  const slash = path.lastIndexOf("/");
  if (slash > 0) await Deno.mkdir(path.slice(0, slash), { recursive: true });
}
