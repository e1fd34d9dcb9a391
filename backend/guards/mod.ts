/**
 * What stands before the kernels of every backend: checks of what they are called
 * with, and detours where they would be wrong. Each kind is a table by kernel.
 *
 * @module
 */
import { replaceKernel } from "../kernel.ts";
import { EMPTY } from "./empty.ts";
import { indexChecks, type ReadValues } from "./indices.ts";
import { OPTIONS } from "./options.ts";
import { PADDINGS } from "./paddings.ts";
import { TYPES } from "./types.ts";

/** What the guards of a backend need to know of it. */
export interface GuardSettings {
  /** Reads indices. */
  readonly read: ReadValues;
  /** Kernels that treat indices outside of the tensor themselves. Default: none. */
  readonly exceptIndices?: readonly string[];
  /** Whether its reductions take empty tensors. Default: false. */
  readonly takesEmpty?: boolean;
}

/**
 * Put the guards before a backend's kernels, and before what the backend itself
 * corrects in them. A call passes the checks, then the detours, in this order.
 */
export function guardKernels(
  backendName: string,
  { read, exceptIndices = [], takesEmpty = false }: GuardSettings,
): void {
  const indices = { ...indexChecks(read) };
  for (const name of exceptIndices) delete indices[name];
  const checks = [indices, OPTIONS];
  const detours = [TYPES, takesEmpty ? {} : EMPTY, PADDINGS];

  const names = new Set([...checks, ...detours].flatMap(Object.keys));
  for (const name of names) {
    replaceKernel(backendName, name, (kernel) => {
      const run = detours.reduceRight((inner, { [name]: detour }) => {
        return detour ? (args) => detour(args, inner) : inner;
      }, kernel);
      const own = checks.flatMap((table) => table[name] ?? []);
      if (own.length === 0) return run;
      return (args) => {
        for (const check of own) check(args);
        return run(args);
      };
    }, "guards");
  }
}
