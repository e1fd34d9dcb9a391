/**
 * The folder that a run writes into.
 *
 * @module
 */
import { boolean, checkOptions, type OptionRules } from "../internal/check.ts";
import { filePath, join } from "../internal/file_path.ts";
import { isError } from "../internal/system/errors.ts";
import { system } from "../internal/system/system.ts";

/** Options of {@linkcode runFolder}. */
export interface RunFolderOptions {
  /** Whether to go on with the latest run there. @default {false} */
  readonly resume?: boolean | undefined;
}

const RULES: OptionRules<RunFolderOptions> = { resume: boolean };

const ACTION = "make a folder for the run";

/** The file that marks the folder of a run. */
const MARK = "run.json";

/**
 * A folder for a run, in which nothing of anybody else is overwritten.
 *
 * A folder that is new or empty is taken as it is. If it holds a run already, that
 * one is kept, and the new run gets a folder inside: `runs/spirals`, then
 * `runs/spirals/2`, `runs/spirals/3`. With `resume` it is the folder of the latest of
 * them. Each is marked by a file `run.json` with the date and the program.
 *
 * @example Usage
 * ```ts
 * import { train } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const runs = await Deno.makeTempDir();
 * assertEquals(await train.runFolder(`${runs}/spirals`), `${runs}/spirals`);
 * assertEquals(await train.runFolder(`${runs}/spirals`), `${runs}/spirals/2`);
 * ```
 *
 * @param folder The folder, made if there is none.
 * @param options See {@linkcode RunFolderOptions}.
 * @returns The path of the folder to write into.
 * @throws {RangeError} If the folder holds anything that is not of a run, or is a
 *   file.
 */
export async function runFolder(
  folder: string | URL,
  options: RunFolderOptions = {},
): Promise<string> {
  checkOptions(ACTION, options, RULES);
  const first = filePath(ACTION, folder, "folder");
  const names = await entries(first);
  if (names.length === 0) {
    return await mark(first) ?? await runFolder(first, options);
  }
  if (!names.includes(MARK)) {
    throw new RangeError(
      `Cannot ${ACTION}: ${first} must be new, empty or the folder of an earlier run: it holds ${
        some(names)
      }`,
    );
  }
  const later = names.filter((name) => /^[1-9]\d*$/.test(name)).map(Number);
  if (options.resume) return await latestOf(first, later);
  const next = join(first, String(Math.max(1, ...later) + 1));
  return await mark(next) ?? await runFolder(first, options);
}

/** The folder of the latest run: of those in `first`, or `first` itself. */
async function latestOf(first: string, later: number[]): Promise<string> {
  for (const number of later.sort((a, b) => b - a)) {
    const folder = join(first, String(number));
    if ((await entries(folder)).includes(MARK)) return folder;
  }
  return first;
}

async function entries(folder: string): Promise<string[]> {
  try {
    const names: string[] = [];
    for await (const { name } of system(ACTION).readDir(folder)) {
      names.push(name);
    }
    return names.sort();
  } catch (error) {
    if (isError(error, "missing")) return [];
    if (isError(error, "no folder")) {
      throw new RangeError(
        `Cannot ${ACTION}: ${folder} must be a folder: it is a file`,
        { cause: error },
      );
    }
    throw error;
  }
}

/** Make and mark a folder; `undefined` if another process has just done so. */
async function mark(folder: string): Promise<string | undefined> {
  const machine = system(ACTION);
  await machine.mkdir(folder, { recursive: true });
  const run = {
    started: new Date().toISOString(),
    program: machine.mainModule,
    arguments: machine.args,
  };
  const text = `${JSON.stringify(run, undefined, 2)}\n`;
  try {
    await machine.writeTextFile(join(folder, MARK), text, { createNew: true });
  } catch (error) {
    if (isError(error, "exists")) return undefined;
    throw error;
  }
  return folder;
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown}, ... (${names.length})` : shown;
}
