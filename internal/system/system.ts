/**
 * The system that the program runs on: Deno's, or that of Node and Bun. Internal.
 *
 * @module
 */
import type { DenoSystem, System } from "./interface.ts";
import { nodeSystem } from "./node.ts";

/** Deno, where the program runs on it. */
export const deno: DenoSystem | undefined =
  (globalThis as { readonly Deno?: DenoSystem }).Deno;

/** The system; undefined in browsers. */
export const anySystem: System | undefined = deno ?? nodeSystem();

/**
 * The system.
 *
 * @param action What needs it, for the error.
 * @throws {Error} In browsers.
 */
export function system(action: string): System {
  if (anySystem) return anySystem;
  throw new Error(
    `Cannot ${action}: browsers have no files; checkpoints can be kept as bytes with encodeCheckpoint`,
  );
}
