/**
 * Folders for tests.
 *
 * @module
 */

/** Run `fn` with a folder that is removed afterwards. */
export async function inFolder(
  fn: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await fn(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The names of the files in a folder. */
export function namesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
}
