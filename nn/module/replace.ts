/**
 * Replaces modules inside a module.
 *
 * @module
 */
import { Module } from "./module.ts";
import { isPlain } from "./walk.ts";

/**
 * Puts modules in the place of others, wherever these are inside `root`.
 *
 * @param root The module to search; it is not replaced itself.
 * @param replacements The module to put in the place of each.
 */
export function replaceModules(
  root: Module,
  replacements: ReadonlyMap<unknown, Module>,
): void {
  const seen = new Set<object>();
  function visit(x: unknown) {
    if (typeof x !== "object" || x === null || seen.has(x)) return;
    seen.add(x);
    if (x instanceof Map) {
      for (const [key, child] of x) {
        const next = replacements.get(child);
        if (next) x.set(key, next);
        else visit(child);
      }
    } else if (x instanceof Module || Array.isArray(x) || isPlain(x)) {
      for (const key of Object.keys(x)) {
        // Accessors compute; only data is replaced.
        const child: unknown = Object.getOwnPropertyDescriptor(x, key)!.value;
        const next = replacements.get(child);
        if (next) (x as Record<string, unknown>)[key] = next;
        else visit(child);
      }
    }
  }
  visit(root);
}
