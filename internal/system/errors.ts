/**
 * What went wrong with a file. Internal.
 *
 * @module
 */

/** By kind: the names of Deno's errors, and the codes of systems, which Node reports. */
const KINDS = {
  missing: ["NotFound", "ENOENT"],
  exists: ["AlreadyExists", "EEXIST"],
  "a folder": ["IsADirectory", "EISDIR"],
  "no folder": ["NotADirectory", "ENOTDIR"],
  "a loop": ["FilesystemLoop", "ELOOP"],
  forbidden: ["NotCapable"],
} as const;

/** Whether an error of the system is of a kind. */
export function isError(error: unknown, kind: keyof typeof KINDS): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { readonly code?: unknown };
  return KINDS[kind].some((name) => name === error.name || name === code);
}
