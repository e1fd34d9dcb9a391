/** Who takes part, and how each is started. */
import type { Context } from "./context.ts";
import { type Contestant, startContestant } from "./contestant.ts";
import type { Entry, Failed } from "./rounds.ts";

const FOLDER = new URL("../contestants/", import.meta.url).pathname;
/** Rivals are users of their packages, not of this one's. */
const ALONE = ["--no-config", "--no-lock"];

function script(path: string, args: readonly string[], flags: string[] = []) {
  return startContestant(
    Deno.execPath(),
    ["run", "-A", "-q", "--no-check", ...flags, FOLDER + path, ...args],
  );
}

function python(
  { python, folder }: Context,
  path: string,
  threads: number,
  ...more: string[]
) {
  const file = `${FOLDER}python/${path}`;
  return startContestant(python!, [file, `${threads}`, folder, ...more]);
}

/** Braintape on WASM. */
export function braintape(
  threads: number,
  flags: string[] = [],
): Promise<Contestant> {
  return script("braintape/main.ts", [`${threads}`], flags);
}

/** Braintape with the flags of V8 that docs/speed.md tells of. */
export function braintapeFlagged(threads: number): Promise<Contestant> {
  return braintape(threads, [
    "--v8-flags=--experimental-wasm-revectorize,--no-wasm-bounds-checks",
  ]);
}

/** Stock tfjs on WASM. */
export function tfjs({ folder }: Context): Promise<Contestant> {
  return script("tfjs/main.js", [folder], ALONE);
}

/** jax-js on WASM. */
export function jaxJs({ folder }: Context): Promise<Contestant> {
  return script("jax_js/main.js", [folder], ALONE);
}

/** PyTorch on the processor; there must be a Python that has it. */
export function torch(
  context: Context,
  threads: number,
  how: "eager" | "compiled" | "cells" = "eager",
): Promise<Contestant> {
  return python(context, "torch_tasks.py", threads, how);
}

/** JAX on the processor; there must be a Python that has it. */
export function jax(context: Context, threads: number): Promise<Contestant> {
  return python(context, "jax_tasks.py", threads);
}

/** A contestant that is to be started. */
export interface Wanted {
  readonly label: string;
  readonly start: () => Promise<Contestant>;
}

/** Contestants that run, and those that did not start. */
export interface Started {
  /** By label. */
  readonly running: ReadonlyMap<string, Contestant>;
  readonly failed: readonly Failed[];
  /** What each is to do: the same task, or one by label. */
  entries(task: string | ((label: string) => string)): Entry[];
  /** End all. */
  stop(): Promise<void>;
}

/** Start all at once; one that cannot is told among the failed. */
export async function startAll(wanted: readonly Wanted[]): Promise<Started> {
  const running = new Map<string, Contestant>(), failed: Failed[] = [];
  const settled = await Promise.allSettled(wanted.map(({ start }) => start()));
  settled.forEach((one, i) => {
    const { label } = wanted[i]!;
    if (one.status === "fulfilled") running.set(label, one.value);
    else failed.push({ label, error: one.reason.message });
  });
  return {
    running,
    failed,
    entries: (task) =>
      [...running].map(([label, contestant]) => ({
        label,
        contestant,
        task: typeof task === "string" ? task : task(label),
      })),
    async stop() {
      await Promise.all([...running.values()].map((one) => one.stop()));
    },
  };
}
