/**
 * Folders of checkpoints: the latest, the best, and those to remove.
 *
 * @module
 */
import {
  callable,
  checkOptions,
  oneOf,
  type OptionRules,
} from "../internal/check.ts";
import { filePath, join } from "../internal/file_path.ts";
import { isError } from "../internal/system/errors.ts";
import { system } from "../internal/system/system.ts";
import { readHeader, verifyData } from "./decode.ts";
import { FileSource } from "./files.ts";
import { CheckpointError, MAGIC } from "./format.ts";
import type { Header } from "./header.ts";
import { splitPath, TEMPORARY } from "./replace_file.ts";

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
  /**
   * Whether smaller or larger metrics are better. Default: as the newest checkpoint
   * that says it was saved, as those of `fit` do; `"min"` if none does.
   */
  readonly mode?: "min" | "max";
}

const FIND_RULES: OptionRules<FindOptions> = { onDamaged: callable };

const BEST_RULES: OptionRules<BestOptions> = {
  ...FIND_RULES,
  mode: oneOf("min", "max"),
};

const FIND = "look for checkpoints";

/** A checkpoint in a folder. */
interface Found {
  readonly path: string;
  readonly header: Header;
  /** Its name without the last number; the name if it has none. */
  readonly series: string;
  /** The last number in its name. */
  readonly number: number;
}

/**
 * Find the newest complete checkpoint in `folder`.
 *
 * Of files whose names differ only in the last number, such as `step-200.ckpt` and
 * `step-100.ckpt`, the one with the largest number is the newest, whatever the clock
 * said when they were saved. Of other files it is the one that was saved last.
 *
 * Files are read and checked completely, newest first. Other files are ignored, and
 * a folder that does not exist has no checkpoints.
 *
 * @param folder The folder; folders inside it are ignored.
 * @param options See {@linkcode FindOptions}.
 * @returns Its path; `null` if there is none.
 */
export async function latestCheckpoint(
  folder: string | URL,
  options: FindOptions = {},
): Promise<string | null> {
  const action = "find the latest checkpoint";
  checkOptions(action, options, FIND_RULES);
  const path = filePath(action, folder, "the folder");
  const { onDamaged = warn } = options;
  const found = await list(path, () => true, onDamaged);
  return await firstComplete(newestFirst(found), onDamaged);
}

/**
 * Find the complete checkpoint in `folder` with the best `metric`; of equal ones,
 * the newest. Metrics that are not finite are never the best.
 *
 * @param folder The folder; folders inside it are ignored.
 * @param options See {@linkcode BestOptions}.
 * @returns Its path; `null` if there is none.
 */
export async function bestCheckpoint(
  folder: string | URL,
  options: BestOptions = {},
): Promise<string | null> {
  const action = "find the best checkpoint";
  checkOptions(action, options, BEST_RULES);
  const path = filePath(action, folder, "the folder");
  const { onDamaged = warn } = options;
  const found = await list(path, () => true, onDamaged);
  const saved = newestFirst(found).find(({ header }) => header.mode);
  const mode = options.mode ?? saved?.header.mode ?? "min";
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

/** The parts of a name before, in and after its last number. */
const NUMBERED = /^(.*?)(\d+)(\D*)$/;

/** The name of a file without its last number, and that number. */
function parseName(name: string): { series: string; number: number } {
  const [, before, digits, after] = NUMBERED.exec(name) ?? [];
  return digits === undefined
    ? { series: name, number: 0 }
    : { series: `${before}\0${after}`, number: Number(digits) };
}

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
  const { series } = parseName(name);
  const isSibling = (other: string) => parseName(other).series === series;
  const found = newestFirst(await list(folder, isSibling, () => {}));
  const kept = new Set([
    ...found.slice(0, Math.max(keepLast, 1)),
    ...bestFirst(found, mode).slice(0, keepBest),
  ]);
  for (const old of found) {
    if (kept.has(old) || old.path === path) continue;
    await system(FIND).remove(old.path).catch(ignoreMissing);
  }
}

/** Of one series by number; the series that was saved to last comes first. */
function newestFirst(found: readonly Found[]): Found[] {
  const latest = new Map<string, number>();
  for (const { series, header: { time } } of found) {
    latest.set(series, Math.max(time, latest.get(series) ?? -Infinity));
  }
  return found.toSorted((a, b) =>
    latest.get(b.series)! - latest.get(a.series)! ||
    a.series.localeCompare(b.series) ||
    b.number - a.number || b.header.time - a.header.time
  );
}

/** The checkpoints with a finite metric, best first. */
function bestFirst(found: readonly Found[], mode: "min" | "max"): Found[] {
  const sign = mode === "min" ? 1 : -1;
  return newestFirst(found)
    .filter(({ header: { metric } }) => Number.isFinite(metric))
    .sort((a, b) => sign * (a.header.metric! - b.header.metric!));
}

/** The checkpoints in `folder`. */
async function list(
  folder: string,
  isWanted: (name: string) => boolean,
  onDamaged: (path: string, error: CheckpointError) => void,
): Promise<Found[]> {
  const found: Found[] = [];
  for (const name of await namesIn(folder)) {
    if (name.startsWith(TEMPORARY) || !isWanted(name)) continue;
    const path = join(folder, name);
    const header = await open(path, onDamaged, readHeader).catch(ignoreMissing);
    if (header) found.push({ path, header, ...parseName(name) });
  }
  return found;
}

/** The names of the files in a folder, including links to files. */
async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of system(FIND).readDir(folder)) {
      const info = await system(FIND).stat(join(folder, name)).catch(
        ignoreMissing,
      );
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
  try {
    return await FileSource.reading(path, read);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    onDamaged(path, error);
    return null;
  }
}

function beginsAsCheckpoint(path: string): Promise<boolean> {
  return FileSource.reading(path, async (source) => {
    const start = new Uint8Array(Math.min(MAGIC.length, source.left));
    await source.fill(start);
    return MAGIC.every((byte, i) => byte === start[i]);
  });
}

/** Files may be removed at any time, and links may lead nowhere or in a circle. */
function ignoreMissing(error: unknown): null {
  if (isError(error, "missing")) return null;
  if (isError(error, "a loop")) return null;
  throw error;
}

function warn(path: string, error: CheckpointError) {
  console.warn(`Skipped ${path}: ${error.message}`);
}
