/**
 * Finds the states and modules inside a module.
 *
 * @module
 */
import { type AnyState, State } from "../../state.ts";

/** The states and modules inside a module of class `M`, by path. */
export interface Found<M> {
  /** Each state under its first path. */
  readonly states: Record<string, AnyState>;
  /** Each module under its first path; the root under the empty one. */
  readonly modules: Record<string, M>;
}

/** The class of modules. */
type ModuleClass<M> = abstract new (...args: never[]) => M;

/**
 * The states and modules inside `root`, depth first, in order of definition.
 *
 * @param root The module to search.
 * @param kind The class of modules.
 * @throws {TypeError} If a state sits in a set or in an object of another class,
 * or if a key would make paths ambiguous.
 */
export function walk<M extends object>(
  root: M,
  kind: ModuleClass<M>,
): Found<M> {
  const found: Found<M> = { states: {}, modules: {} };
  const seen = new Set<object>();

  function visit(x: unknown, path: string) {
    if (typeof x !== "object" || x === null || seen.has(x)) return;
    if (x instanceof State) {
      seen.add(x);
      found.states[path] = x;
    } else if (x instanceof kind) {
      seen.add(x);
      found.modules[path] = x;
      children(x, path);
    } else if (Array.isArray(x) || isPlain(x)) {
      seen.add(x);
      children(x, path);
    } else if (x instanceof Map) {
      seen.add(x);
      for (const [key, child] of x) visit(child, join(path, key));
    } else refuseHidden(x, path, kind);
  }

  function children(x: object, path: string) {
    for (const key of Object.keys(x)) {
      // Accessors compute; only data is searched.
      const child = Object.getOwnPropertyDescriptor(x, key)!.value;
      if (typeof child === "object") visit(child, join(path, key));
    }
  }

  visit(root, "");
  return found;
}

/** Whether an object is of no class. */
export function isPlain(x: object): boolean {
  const prototype = Object.getPrototypeOf(x);
  return prototype === Object.prototype || prototype === null;
}

function join(path: string, key: unknown): string {
  const name = String(key);
  if (name.includes(".") || name === "" || name === "__proto__") {
    throw new TypeError(
      `Cannot find states: a key must not be empty, contain a dot or be __proto__: current key is "${name}" in "${path}"`,
    );
  }
  return path === "" ? name : `${path}.${name}`;
}

/** Throws if `x`, which is not searched, directly holds a state or a module. */
function refuseHidden(x: object, path: string, kind: ModuleClass<object>) {
  const inside = x instanceof Set ? [...x] : Object.values(x);
  if (!inside.some((y) => y instanceof State || y instanceof kind)) return;
  throw new TypeError(
    `Cannot find states: "${path}" is a ${x.constructor.name}, which is not searched: keep states and modules in modules, arrays, plain objects or maps`,
  );
}
