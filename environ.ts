/**
 * The environment: settings that layers read, such as whether the model is being
 * trained.
 *
 * @module
 */
import {
  anything,
  boolean,
  callable,
  check,
  checkOptions,
  recordOf,
} from "./internal/check.ts";
import { isRecording } from "./internal/engine.ts";
import { isThenable } from "./memory.ts";
import { recording } from "./internal/recording.ts";

/** Settings by name; other names than those listed are free for models to use. */
export interface Environment {
  /**
   * Whether the model is being trained: Dropout and BatchNorm depend on it. Default:
   * false.
   */
  readonly fit?: boolean | undefined;
  /** Settings of your own. */
  readonly [key: string]: unknown;
}

let globals: Environment = {};
const contexts: Environment[] = [];

/** The instructions to set a value, in errors. */
const HOW = (key: string) =>
  `set it with environ.context({ ${key}: ... }, () => ...) or environ.set({ ${key}: ... })`;

function find(key: string): unknown {
  for (let i = contexts.length - 1; i >= 0; i--) {
    const value = own(contexts[i]!, key);
    if (value === undefined) continue;
    recording.now?.setting(key, value, i + 1);
    return value;
  }
  const value = own(globals, key);
  recording.now?.setting(key, value, 0);
  return value;
}

/** A setting, or `undefined`. Internal. */
export function settingOf(key: string): unknown {
  return find(key);
}

/** How many contexts are open. Internal. */
export function contextDepth(): number {
  return contexts.length;
}

function own(settings: Environment, key: string): unknown {
  return Object.hasOwn(settings, key) ? settings[key] : undefined;
}

function get<K extends keyof Environment & string>(
  key: K,
  options: { readonly default?: Environment[K] } = {},
): NonNullable<Environment[K]> {
  checkOptions(`read environ.${key}`, options, { default: anything });
  const value = find(key) ?? options.default ??
    (key === "fit" ? predicts() : undefined);
  if (value === undefined) {
    throw new Error(`Cannot read environ.${key}: it is not set: ${HOW(key)}`);
  }
  return value as NonNullable<Environment[K]>;
}

let isTold = false;

/** What `fit` is where nobody has set it. */
function predicts(): false {
  if (!isTold && isRecording()) {
    isTold = true;
    console.warn(
      "environ.fit is not set inside a gradient, so that layers such as Dropout and BatchNorm predict: to train, compute the gradient in environ.context({ fit: true }, () => ...), or use train.step; { fit: false } says that it is meant",
    );
  }
  return false;
}

function context<T>(settings: Environment, fn: () => T): T {
  checkSettings("run environ.context", settings);
  check("run environ.context", "the function", fn, callable);
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

function checkSettings(action: string, settings: Environment) {
  check(action, "the settings", settings, recordOf(anything));
  if (settings.fit !== undefined) check(action, "fit", settings.fit, boolean);
}

/**
 * The environment.
 *
 * A setting is looked up in the innermost `context`, then in the outer ones, then among
 * the values of `set`.
 *
 * `fit` is true inside of `train.fit` and `train.step`; elsewhere it is false unless set,
 * so that a model that is called predicts. `environ.context({ fit: true }, fn)` is what
 * `model.train()` is elsewhere: a loop of your own around `autodiff.grad` needs it, and
 * a gradient computed without is told of once on the console.
 *
 * @example Usage
 * ```ts
 * import { environ } from "@braintape/braintape";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals(environ.fit, false);
 * environ.context({ fit: true }, () => assertEquals(environ.fit, true));
 * const warm = environ.context({ temperature: 2 }, () => environ.get("temperature"));
 * assertEquals(warm, 2);
 * assertThrows(() => environ.get("temperature"), Error, "it is not set");
 * assertEquals(environ.has("fit"), false);
 * ```
 */
export const environ: {
  /** Whether the model is being trained: the same as `get("fit")`. */
  readonly fit: boolean;
  /** Runs `fn` with `settings`, and returns its result, which must not be a promise. */
  context<T>(settings: Environment, fn: () => T): T;
  /** Sets values for calls outside contexts; `undefined` removes one. */
  set(settings: Environment): void;
  /** The value of a setting, or the default; throws without both, but for `fit`. */
  get<K extends keyof Environment & string>(
    key: K,
    options?: { readonly default?: Environment[K] },
  ): NonNullable<Environment[K]>;
  /** Whether a setting has a value. */
  has(key: string): boolean;
} = {
  get fit() {
    return get("fit");
  },
  context,
  set(settings) {
    checkSettings("set environ", settings);
    globals = { ...globals, ...settings };
  },
  get,
  has: (key) => find(key) !== undefined,
};
