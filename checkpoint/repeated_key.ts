/**
 * Repeated keys in JSON, of which `JSON.parse` silently takes the last.
 *
 * @module
 */

/** A string, with the colon behind it if it is a key; or a bracket. */
const TOKEN = /("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|[{}[\]]/g;

/** A key that an object in `json`, which is valid, has twice. */
export function repeatedKey(json: string): string | undefined {
  /** The keys so far of each open object and list. */
  const open: Set<string>[] = [];
  for (const [token, string, colon] of json.matchAll(TOKEN)) {
    if (token === "{" || token === "[") open.push(new Set());
    else if (token === "}" || token === "]") open.pop();
    else if (colon !== undefined) {
      const key: string = JSON.parse(string!);
      const keys = open.at(-1)!;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}
