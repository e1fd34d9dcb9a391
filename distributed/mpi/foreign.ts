/**
 * What of Deno's API MPI needs, so that these files compile where there is no Deno.
 *
 * @module
 */

/** A pointer of C. */
export type Pointer = object | null;

/** The type of a parameter in C. */
export type NativeType = "i32" | "usize" | "pointer" | "buffer";

/** A function of a library, or a variable. */
export type Declaration =
  | {
    readonly parameters: readonly NativeType[];
    readonly result: NativeType;
    readonly optional?: boolean;
  }
  | { readonly type: NativeType };

/** The part of Deno's API. */
interface Deno {
  readonly build: { readonly os: string };
  readonly env: { get(name: string): string | undefined };
  readonly errors: {
    readonly NotCapable: new (
      message: string,
      options?: { readonly cause?: unknown },
    ) => Error;
  };
  readonly exitCode: number;
  readonly permissions: {
    querySync(
      of: { readonly name: "env"; readonly variable: string },
    ): { readonly state: string };
  };
  dlopen(
    file: string,
    symbols: Readonly<Record<string, Declaration>>,
  ): { readonly symbols: object; close(): void };
  exit(code: number): never;
}

/** Deno; undefined on other systems. */
export const deno: Deno | undefined =
  (globalThis as { readonly Deno?: Deno }).Deno;

/**
 * Deno.
 *
 * @throws {Error} On other systems.
 */
export function needDeno(): Deno {
  if (deno) return deno;
  throw new Error(
    "Cannot start MPI: it needs Deno, which calls its library; Node, Bun and browsers cannot",
  );
}
