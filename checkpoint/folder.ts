/**
 * Folders of checkpoints: which is the latest, which the best, which may go.
 *
 * @module
 */
import { readHeader, verifyData } from "./decode.ts";
import { FileSource, splitPath, TEMPORARY } from "./files.ts";
import { CheckpointError, MAGIC } from "./format.ts";
import type { Header } from "./header.ts";

/** Options of looking for a checkpoint. */
export interface FindOptions {
  /**
   * Called with each damaged file that is skipped.
   * Default: a warning on the console.
   */
  readonly onDamaged?: (path: string, error: CheckpointError) => void;
}

/** Options of {@linkcode bestCheckpoint}. */
export interface BestOptions extends FindOptions {
  /** Whether a small or a large metric is good. Default: `"min"`. */
  readonly mode?: "min" | "max";
}

/** A checkpoint in a folder. */
interface Found {
  readonly path: string;
  readonly header: Header;
}

/**
 * The checkpoint in `folder` that was saved last, of those that are complete.
 *
 * Files are read whole and checked, newest first. Other files are ignored, and a
 * folder that does not exist has no checkpoints.
 *
 * @param folder Where to look, not in folders inside it.
 * @param options See {@linkcode FindOptions}.
 * @returns Its path; `null` if there is none.
 */
export async function latestCheckpoint(
  folder: string,
  { onDamaged = warn }: FindOptions = {},
): Promise<string | null> {
  const found = await list(folder, () => true, onDamaged);
  return await firstComplete(found.sort(newestFirst), onDamaged);
}

/**
 * The checkpoint in `folder` with the best `metric`, of those that are complete
 * and were saved with one; of equally good ones the newest.
 *
 * @param folder Where to look, not in folders inside it.
 * @param options See {@linkcode BestOptions}.
 * @returns Its path; `null` if there is none.
 */
export async function bestCheckpoint(
  folder: string,
  { mode = "min", onDamaged = warn }: BestOptions = {},
): Promise<string | null> {
  const found = await list(folder, () => true, onDamaged);
  return await firstComplete(bestFirst(found, mode), onDamaged);
}

/** What to keep of the checkpoints beside the one just written. */
export interface Retention {
  /** How many of the newest. */
  readonly keepLast?: number;
  /** How many of the best. */
  readonly keepBest?: number;
  /** Whether a small or a large metric is good. */
  readonly mode: "min" | "max";
}

/** The part of a name before and after the last number in it. */
const NUMBERED = /^(.*?)\d+(\D*)$/;

/** Whether checkpoints like the one at `path` differ by a number. */
export function isNumbered(path: string): boolean {
  return NUMBERED.test(splitPath(path)[1]);
}

/**
 * Remove checkpoints whose names differ from the one just written by a number.
 * What cannot be read is left alone.
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

/** By the time of saving, then by number or name. */
function newestFirst(a: Found, b: Found): number {
  return b.header.time - a.header.time || natural.compare(b.path, a.path);
}

/** Those that have a metric. */
function bestFirst(found: readonly Found[], mode: "min" | "max"): Found[] {
  const sign = mode === "min" ? 1 : -1;
  return found
    .filter(({ header: { metric } }) => metric !== null && !isNaN(metric))
    .sort((a, b) =>
      sign * (a.header.metric! - b.header.metric!) || newestFirst(a, b)
    );
}

/** The files in `folder` that begin as checkpoints do. */
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

/** The names of the files in a folder; what links lead to counts. */
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

/** What `read` makes of a checkpoint; `null` if it is damaged or something else. */
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
