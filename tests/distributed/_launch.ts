/**
 * Starts programs on several ranks.
 *
 * @module
 */
import { assert } from "@std/assert";
import { FULL } from "../_backends.ts";

/** A launcher, and what it needs to start more processes than there are cores. */
interface Launcher {
  readonly command: string;
  readonly args: readonly string[];
}

const OPEN_MPI = ["--allow-run-as-root", "--oversubscribe"];

/** The launchers of Debian, by the names of their packages. */
const KNOWN: Readonly<Record<string, Launcher>> = {
  mpich: { command: "mpiexec.mpich", args: [] },
  openmpi: { command: "mpiexec.openmpi", args: OPEN_MPI },
};

/**
 * `BRAINTAPE_MPIEXEC`, the path of a launcher, and what it needs; else those of Debian
 * that are installed.
 */
const given = Deno.env.get("BRAINTAPE_MPIEXEC")?.split(" ");

async function isThere({ command }: Launcher): Promise<boolean> {
  try {
    await new Deno.Command(command, { args: ["--version"] }).output();
    return true;
  } catch {
    return false;
  }
}

async function installed(): Promise<[string, Launcher][]> {
  const found: [string, Launcher][] = [];
  if (given) {
    const [command = "", ...args] = given;
    return [[command, { command, args }]];
  }
  for (const [name, launcher] of Object.entries(KNOWN)) {
    if (await isThere(launcher)) found.push([name, launcher]);
  }
  return found;
}

const all = await installed();
if (all.length === 0) {
  console.log(
    "Tests of several processes are skipped: no mpiexec was found (Debian's mpich has one)",
  );
}

/** What ranks have printed. */
export interface Output {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Starts a program on some ranks. */
export type Launch = (
  ranks: number,
  program: string,
  ...args: readonly string[]
) => Promise<Output>;

function launchWith({ command, args: own }: Launcher): Launch {
  return async (ranks, program, ...args) => {
    const path = new URL(`programs/${program}`, import.meta.url).pathname;
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const deno = [Deno.execPath(), "run", "-A", "--no-check", "-c", config];
    const { code, stdout, stderr } = await new Deno.Command(command, {
      args: [...own, "-n", `${ranks}`, ...deno, path, ...args],
      env: { NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    const [out, err] = [decoder.decode(stdout), decoder.decode(stderr)];
    return { code, out, err };
  };
}

/** Register a test for the first launcher, or with `BRAINTAPE_FULL` for each. */
export function onEachLauncher(
  name: string,
  fn: (launch: Launch) => Promise<void>,
): void {
  const launchers = FULL || given ? all : all.slice(0, 1);
  for (const [kind, launcher] of launchers) {
    Deno.test(`${name} (${kind})`, () => fn(launchWith(launcher)));
  }
  if (launchers.length > 0) return;
  Deno.test({ name, ignore: true, fn: () => {} });
}

/** What each rank has printed as a line of JSON, in the order of ranks. */
export function linesOf<T extends { readonly rank: number }>(
  { code, out, err }: Output,
): T[] {
  assert(code === 0, `exit code ${code}\n${out}\n${err}`);
  return out.split("\n").filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as T)
    .sort((a, b) => a.rank - b.rank);
}
