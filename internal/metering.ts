/**
 * Where the parts of the library tell what they spend time on, while a profile is
 * taken. Internal.
 *
 * @module
 */

/** Measures work. */
export interface Meter {
  /**
   * Runs `fn`, and counts its time under `name`, without that of work measured inside.
   *
   * @param bytes The bytes that it reads and writes, from its result.
   */
  run<T>(name: string, fn: () => T, bytes?: (result: T) => number): T;
}

/** The meter that measures now, if there is one. */
export const metering: { now: Meter | undefined } = { now: undefined };

/** Runs `fn`, measured under `name` while a profile is taken. */
export function metered<T>(name: string, fn: () => T): T {
  const { now } = metering;
  return now ? now.run(name, fn) : fn();
}
