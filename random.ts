/**
 * Random numbers that are the same on every backend, and can be resumed.
 *
 * Every draw takes its numbers from a {@linkcode RandomState}: the default one,
 * which starts from seed 0, or the one given as `random`. The numbers are made
 * on the host by a counter-based generator, so backend, thread count and order
 * of execution on the device do not matter.
 *
 * @example Usage
 * ```ts
 * import { random, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * random.seed(42);
 * const a = random.normal([2, 3]);
 * random.seed(42);
 * const b = random.normal([2, 3]);
 * assertEquals(await a.data(), await b.data());
 * ```
 *
 * @module
 */
import { callable, check, checkOptions } from "./internal/check.ts";
import { isThenable } from "./memory.ts";
import {
  defaultState,
  DRAW_RULES,
  type DrawOptions,
} from "./random/default.ts";
import type { RandomState } from "./random/state.ts";

export { defaultState as default, type DrawOptions } from "./random/default.ts";
export { type RandomKey, RandomState } from "./random/state.ts";
export type {
  Distribution,
  NormalOptions,
  TruncatedNormalOptions,
  UniformOptions,
} from "./random/distributions.ts";
export * from "./random/continuous.ts";
export * from "./random/discrete.ts";

/**
 * Restarts the default stream.
 *
 * @param seed A safe integer. Default: one from the entropy of the system.
 * @returns The seed.
 */
export function seed(seed: number = entropy()): number {
  defaultState.seed(seed);
  return seed;
}

/**
 * Runs `fn` with the default stream at `seed`, and then restores the stream.
 *
 * @param seed A safe integer.
 * @param fn Must not return a promise.
 * @returns The result of `fn`.
 */
export function withSeed<T>(seed: number, fn: () => T): T {
  check("run with a seed", "fn", fn, callable);
  const before = defaultState.value;
  defaultState.seed(seed);
  try {
    const result = fn();
    if (isThenable(result)) {
      throw new TypeError(
        "Cannot run with a seed: the function must not return a promise, since the stream is restored when it returns",
      );
    }
    return result;
  } finally {
    defaultState.value = before;
  }
}

/**
 * New streams, independent of the one they come from and of each other.
 *
 * @param count The number of streams. Default: 2.
 * @param options The stream they come from.
 */
export function split(
  count = 2,
  options: DrawOptions = {},
): RandomState[] {
  checkOptions("split", options, DRAW_RULES);
  const { random = defaultState } = options;
  return random.split(count);
}

function entropy(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high! & 0x1fffff) * 2 ** 32 + low!;
}
