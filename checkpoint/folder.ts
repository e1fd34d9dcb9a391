/**
 * Folders of checkpoints: the latest, the best, and those to remove.
 *
 * @module
 */
import { callable, checkOptions, oneOf, type OptionRules } from "../check.ts";
import { readHeader, verifyData } from "./decode.ts";
import { FileSource, splitPath, TEMPORARY } from "./files.ts";
import { CheckpointError, MAGIC } from "./format.ts";
import type { Header } from "./header.ts";

/** Options of {@linkcode latestCheckpoint}. */
export interface FindOptions {
  /**
   * Called with each damaged file that is skipped.
   * Default: a warning on the console.
   */
  readonly onDamaged?: (path: string, error: CheckpointError) => void;
}

/** Options of {@linkcode bestCheckpoint}. */
export interface BestOptions extends FindOptions {
  /** Whether smaller or larger metrics are better. Default: `"min"`. */
  readonly mode?: "min" | "max";
}

const FIND_RULES: OptionRules<FindOptions> = { onDamaged: callable };

const BEST_RULES: OptionRules<BestOptions> = {
  ...FIND_RULES,
  mode: oneOf("min", "max"),
};

/** A checkpoint in a folder. */
interface Found {
  readonly path: string;
  readonly header: Header;
}

/**
 * Find the complete checkpoint in `folder` that was saved last.
 *
 * Files are read and checked completely, newest first. Other files are ignored, and
 * a folder that does not exist has no checkpoints.
 *
 * @param folder The folder; folders inside it are ignored.
 * @param options See {@linkcode FindOptions}.
 * @returns Its path; `null` if there is none.
 */
export async function latestCheckpoint(
  folder: string,
  options: FindOptions = {},
): Promise<string | null> {
  checkOptions("find the latest checkpoint", options, FIND_RULES);
  const { onDamaged = warn } = options;
  const found = await list(folder, () => true, onDamaged);
  return await firstComplete(found.sort(newestFirst), onDamaged);
}

/**
 * Find the complete checkpoint in `folder` with the best `metric`; of equal ones,
 * the newest.
 *
 * @param folder The folder; folders inside it are ignored.
 * @param options See {@linkcode BestOptions}.
 * @returns Its path; `null` if there is none.
 */
export async function bestCheckpoint(
  folder: string,
  options: BestOptions = {},
): Promise<string | null> {
  checkOptions("find the best checkpoint", options, BEST_RULES);
  const { mode = "min", onDamaged = warn } = options;
  const found = await list(folder, () => true, onDamaged);
  return await firstComplete(bestFirst(found, mode), onDamaged);
}

/** Which checkpoints to keep besides the one just written. */
export interface Retention {
  /** The number of newest checkpoints. */
  readonly keepLast?: number;
  /** The number of best checkpoints. */
  readonly keepBest?: number;
  /** Whether smaller or larger metrics are better. */
  readonly mode: "min" | "max";
}

/** The parts of a name before and after its last number. */
const NUMBERED = /^(.*?)\d+(\D*)$/;

/** Whether the name of a file has a number. */
export function isNumbered(path: string): boolean {
  return NUMBERED.test(splitPath(path)[1]);
}

/**
 * Remove checkpoints whose names differ from the one just written only in the
 * number. Files that cannot be read are not removed.
 */
export async function prune(
  path: string,
  { keepLast = 0, keepBest = 0, mode }: Retention,
): Promise<void> {
  const [folder, name] = splitPath(path);
  const [, before, after] = NUMBERED.exec(name)!;
  const isSibling = (name: string) => {
    const match = NUMBERED.exec(name);
    return match?.[1] === before && match?.[2] === after;
  };
  const found = (await list(folder, isSibling, () => {})).sort(newestFirst);
  const kept = new Set([
    ...found.slice(0, Math.max(keepLast, 1)),
    ...bestFirst(found, mode).slice(0, keepBest),
  ]);
  for (const old of found) {
    if (kept.has(old) || old.path === folder + name) continue;
    await Deno.remove(old.path).catch(ignoreMissing);
  }
}

const natural = new Intl.Collator("en", { numeric: true });

/** Order by the time of saving, then by number or name. */
function newestFirst(a: Found, b: Found): number {
  return b.header.time - a.header.time || natural.compare(b.path, a.path);
}

/** The checkpoints with a metric, best first. */
function bestFirst(found: readonly Found[], mode: "min" | "max"): Found[] {
  const sign = mode === "min" ? 1 : -1;
  return found
    .filter(({ header: { metric } }) => metric !== null && !isNaN(metric))
    .sort((a, b) =>
      sign * (a.header.metric! - b.header.metric!) || newestFirst(a, b)
    );
}

/** The checkpoints in `folder`. */
async function list(
  folder: string,
  isWanted: (name: string) => boolean,
  onDamaged: (path: string, error: CheckpointError) => void,
): Promise<Found[]> {
  const base = /[/\\]$/.test(folder) ? folder : `${folder}/`;
  const found: Found[] = [];
  for (const name of await namesIn(base)) {
    if (name.startsWith(TEMPORARY) || !isWanted(name)) continue;
    const path = base + name;
    const header = await open(path, onDamaged, readHeader).catch(ignoreMissing);
    if (header) found.push({ path, header });
  }
  return found;
}

/** The names of the files in a folder, including links to files. */
async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      const info = await Deno.stat(folder + name).catch(ignoreMissing);
      if (info?.isFile) names.push(name);
    }
  } catch (error) {
    ignoreMissing(error);
  }
  return names;
}

async function firstComplete(
  found: readonly Found[],
  onDamaged: (path: string, error: CheckpointError) => void,
): Promise<string | null> {
  for (const { path } of found) {
    const complete = await open(path, onDamaged, async (source) => {
      await verifyData(source, await readHeader(source));
      return true;
    }).catch(ignoreMissing);
    if (complete) return path;
  }
  return null;
}

/** The result of `read`; `null` if the file is damaged or not a checkpoint. */
async function open<T>(
  path: string,
  onDamaged: (path: string, error: CheckpointError) => void,
  read: (source: FileSource) => Promise<T>,
): Promise<T | null> {
  if (!await beginsAsCheckpoint(path)) return null;
  using source = await FileSource.open(path);
  try {
    return await read(source);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    onDamaged(path, error);
    return null;
  }
}

async function beginsAsCheckpoint(path: string): Promise<boolean> {
  using source = await FileSource.open(path);
  const start = new Uint8Array(Math.min(MAGIC.length, source.left));
  await source.fill(start);
  return MAGIC.every((byte, i) => byte === start[i]);
}

function ignoreMissing(error: unknown): null {
  if (error instanceof Deno.errors.NotFound) return null;
  throw error;
}

function warn(path: string, error: CheckpointError) {
  console.warn(`Skipped ${path}: ${error.message}`);
}
