import type { KernelFunc } from "../kernel.ts";

/** What a kernel is called with. */
export type KernelArgs = Parameters<KernelFunc>[0];

/** Throws for what a kernel must not be called with. */
export type Check = (args: KernelArgs) => void;

/** Runs a kernel in another way where it would be wrong, else as it is. */
export type Detour = (
  args: KernelArgs,
  run: KernelFunc,
) => ReturnType<KernelFunc>;
