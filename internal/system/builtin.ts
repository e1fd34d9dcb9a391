/**
 * Modules that a runtime has built in, without an import, which bundles for browsers
 * could not hold.
 *
 * @module
 */
import type Fs from "node:fs";
import type Os from "node:os";
import type Zlib from "node:zlib";

interface Builtins {
  readonly "node:fs": typeof Fs;
  readonly "node:os": typeof Os;
  readonly "node:zlib": typeof Zlib;
}

interface NodeProcess {
  readonly platform: string;
  readonly pid: number;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stderr: { readonly isTTY?: boolean; readonly columns?: number };
  on(signal: string, fn: () => void): unknown;
  off(signal: string, fn: () => void): unknown;
  kill(pid: number, signal: number): unknown;
  getBuiltinModule?<Name extends keyof Builtins>(name: Name): Builtins[Name];
}

/** `process` of Node, Bun and Deno; undefined in browsers. */
export function nodeProcess(): NodeProcess | undefined {
  return (globalThis as { readonly process?: NodeProcess }).process;
}

/** A built-in module; undefined in browsers. */
export function builtin<Name extends keyof Builtins>(
  name: Name,
): Builtins[Name] | undefined {
  return nodeProcess()?.getBuiltinModule?.(name);
}
