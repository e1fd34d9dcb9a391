/**
 * The environment: settings that layers read wherever they are, such as whether
 * the model is being fitted.
 *
 * @module
 */
import { isThenable } from "./memory.ts";

/** Settings by name; a library or model may add its own. */
export interface Environment {
  /** Whether the model is being trained: Dropout and BatchNorm ask for it. */
  readonly fit?: boolean | undefined;
  /** Settings of your own. */
  readonly [key: string]: unknown;
}

let globals: Environment = {};
const contexts: Environment[] = [];

/** How to set a value that was asked for, in an error. */
const HOW = (key: string) =>
  `set it with environ.context({ ${key}: ... }, () => ...) or environ.set({ ${key}: ... })`;

function find(key: string): unknown {
  for (let i = contexts.length - 1; i >= 0; i--) {
    const value = contexts[i]![key];
    if (value !== undefined) return value;
  }
  return globals[key];
}

function get<K extends keyof Environment & string>(
  key: K,
  options: { readonly default?: Environment[K] } = {},
): NonNullable<Environment[K]> {
  const value = find(key) ?? options.default;
  if (value === undefined) {
    throw new Error(`Cannot read environ.${key}: it is not set: ${HOW(key)}`);
  }
  return value as NonNullable<Environment[K]>;
}

function context<T>(settings: Environment, fn: () => T): T {
  check(settings);
  contexts.push({ ...settings });
  try {
    const result = fn();
    if (isThenable(result)) {
      throw new TypeError(
        "Cannot run environ.context: the function must not return a promise, since the settings end when it returns",
      );
    }
    return result;
  } finally {
    contexts.pop();
  }
}

function check(settings: Environment) {
  const { fit } = settings;
  if (fit !== undefined && typeof fit !== "boolean") {
    throw new TypeError(
      `Cannot set environ.fit: it must be a boolean: current value is ${fit}`,
    );
  }
}

/**
 * The environment.
 *
 * A setting is looked up in the innermost `context`, then outward, then in what
 * `set` set. `fit` has no default: a model with a layer that behaves differently
 * in training throws unless one says which it is.
 *
 * @example Usage
 * ```ts
 * import { environ } from "@braintape/braintape";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertThrows(() => environ.get("fit"), Error, "it is not set");
 * environ.context({ fit: true }, () => assertEquals(environ.get("fit"), true));
 * assertEquals(environ.has("fit"), false);
 * ```
 */
export const environ: {
  /** Run `fn` with `settings`, and return what it returns; no promise. */
  context<T>(settings: Environment, fn: () => T): T;
  /** Set `settings` everywhere outside contexts; `undefined` unsets one. */
  set(settings: Environment): void;
  /** The value of a setting; throws, saying how to set it, if it has none. */
  get<K extends keyof Environment & string>(
    key: K,
    options?: { readonly default?: Environment[K] },
  ): NonNullable<Environment[K]>;
  /** Whether a setting has a value. */
  has(key: string): boolean;
} = {
  context,
  set(settings) {
    check(settings);
    globals = { ...globals, ...settings };
  },
  get,
  has: (key) => find(key) !== undefined,
};
