/**
 * Paths of files and folders as callers write them. Internal.
 *
 * @module
 */
import { check, path, refuse } from "./check.ts";

/**
 * The path that `value` names, as the system writes it: a string as it is; a
 * `file:` URL, or a string that begins with `file:`, decoded, so that `%20` in it is
 * a space.
 *
 * @param action What needs the path, as in `"read a file"`.
 * @param value A path or a `file:` URL.
 * @param name The value as its caller wrote it. Default: `"the path"`.
 */
export function filePath(
  action: string,
  value: string | URL,
  name = "the path",
): string {
  check(action, name, value, path);
  const isUrl = value instanceof URL || /^file:/i.test(value);
  if (!isUrl) return value as string;
  const { protocol, host, pathname } = new URL(value);
  if (protocol !== "file:" || host !== "") {
    refuse(
      action,
      name,
      "a path or a file: URL of this machine",
      String(value),
    );
  }
  const decoded = decodeURIComponent(pathname);
  // Windows: file:///C:/data is C:/data.
  return /^\/[a-z]:/i.test(decoded) ? decoded.slice(1) : decoded;
}

/** `name` in the folder `folder`. */
export function join(folder: string, name: string): string {
  return /[/\\]$/.test(folder) ? `${folder}${name}` : `${folder}/${name}`;
}
