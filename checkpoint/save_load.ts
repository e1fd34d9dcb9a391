/**
 * Saving to and loading from files and bytes.
 *
 * @module
 */
import { load, type LoadReport } from "./decode.ts";
import type { LoadOptions } from "./differences.ts";
import { takeSnapshot, writeSnapshot } from "./encode.ts";
import { BytesSink, BytesSource, FileSource, replaceFile } from "./files.ts";
import { isNumbered, prune } from "./folder.ts";
import { CheckpointError } from "./format.ts";
import type { Parts } from "./parts.ts";

/** Options of {@linkcode encodeCheckpoint}. */
export interface EncodeOptions {
  /** How good this checkpoint is, for `keepBest` and `bestCheckpoint`. */
  readonly metric?: number;
}

/** Options of {@linkcode saveCheckpoint}. */
export interface SaveOptions extends EncodeOptions {
  /**
   * How many of the newest checkpoints to keep, this one included. Others whose
   * names differ from this one's by a number are removed afterwards. Default:
   * all, or only this one if `keepBest` is given.
   */
  readonly keepLast?: number;
  /** How many of the best to keep besides; needs `metric`. Default: none. */
  readonly keepBest?: number;
  /** Whether a small or a large metric is good. Default: `"min"`. */
  readonly mode?: "min" | "max";
}

/** The saves under way, by path. */
const underWay = new Map<string, Promise<void>>();

/**
 * Save models, optimizers, schedulers, random states and plain data in one file.
 *
 * What is saved is what the parts are at the call: training may go on while the
 * promise is pending. The file is complete or not there: it is written beside
 * its path, reaches the disk, and only then takes the place of an older one.
 * Saves to one path follow one another in the order of the calls.
 *
 * A part is a module, a state, a record of states, anything with `stateDict` and
 * `loadStateDict`, or plain data: numbers, texts, typed arrays, lists and records
 * of these. Tensors of a part that has `stateDict` stay its own.
 *
 * @example Save and resume
 * ```ts
 * import {
 *   loadCheckpoint,
 *   ParamState,
 *   saveCheckpoint,
 *   tf,
 *   useBackend,
 * } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const path = `${await Deno.makeTempDir()}/step-100.ckpt`;
 * const model = { weight: new ParamState(tf.tensor1d([1, 2])) };
 * await saveCheckpoint(path, { model, step: 100 }, { keepLast: 3 });
 *
 * model.weight.value = tf.tensor1d([0, 0]);
 * const { data } = await loadCheckpoint(path, { model, step: 0 });
 * assertEquals([...await model.weight.value.data()], [1, 2]);
 * assertEquals(data.step, 100);
 * ```
 *
 * @param path The file; missing folders are made.
 * @param parts What to save, by name.
 * @param options See {@linkcode SaveOptions}.
 * @throws {TypeError} For what cannot be saved.
 * @throws {RangeError} For a tensor over 4 GiB, or an option out of range.
 * @throws {Error} If the file cannot be written; an older one is unchanged.
 */
export async function saveCheckpoint(
  path: string,
  parts: Parts,
  options: SaveOptions = {},
): Promise<void> {
  checkRetention(path, options);
  // Before the first `await`: this is the moment that is saved.
  const snapshot = takeSnapshot(parts, options.metric);
  const turn = (underWay.get(path) ?? Promise.resolve()).then(() =>
    replaceFile(path, (sink) => writeSnapshot(sink, snapshot))
  ).finally(() => snapshot.dispose());
  const settled = turn.catch(() => {});
  underWay.set(path, settled);
  try {
    await turn;
  } finally {
    if (underWay.get(path) === settled) underWay.delete(path);
  }
  const { keepLast, keepBest, mode = "min" } = options;
  if (keepLast !== undefined || keepBest !== undefined) {
    await prune(path, {
      ...keepLast !== undefined && { keepLast },
      ...keepBest !== undefined && { keepBest },
      mode,
    });
  }
}

function checkRetention(path: string, options: SaveOptions) {
  const { keepLast, keepBest, metric, mode = "min" } = options;
  for (const [name, count] of Object.entries({ keepLast, keepBest })) {
    if (count === undefined) continue;
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new RangeError(
        `Cannot save checkpoint: ${name} must be a positive integer: current value is ${count}`,
      );
    }
    if (!isNumbered(path)) {
      throw new RangeError(
        `Cannot save checkpoint: ${name} needs a number in the file's name, such as step-100.ckpt: current path is ${path}`,
      );
    }
  }
  if (keepBest !== undefined && metric === undefined) {
    throw new RangeError("Cannot save checkpoint: keepBest needs a metric");
  }
  if (mode !== "min" && mode !== "max") {
    throw new TypeError(
      `Cannot save checkpoint: mode must be "min" or "max": current value is ${mode}`,
    );
  }
}

/**
 * Load parts from a file that {@linkcode saveCheckpoint} wrote.
 *
 * Everything is read and checked before anything changes, and the change happens
 * at once: no other code sees it half done. If it throws, nothing has changed.
 * Parts that are plain data come back as `data`; those given serve as defaults
 * where the file lacks them, and say what kind of value is expected. Parts of the
 * file that are not asked for are not loaded. While loading, old and new tensors
 * are both in memory.
 *
 * @example Weights for a model with another head
 * ```ts
 * import {
 *   decodeCheckpoint,
 *   encodeCheckpoint,
 *   ParamState,
 *   tf,
 *   useBackend,
 * } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const weight = (...shape: number[]) => new ParamState(tf.ones(shape));
 * const saved = { body: weight(2, 3), head: weight(3, 10) };
 * const bytes = await encodeCheckpoint({ model: saved });
 *
 * const model = { body: weight(2, 3), head: weight(3, 5) };
 * const report = await decodeCheckpoint(bytes, { model }, { strict: false });
 * assertEquals(report.mismatched, [{
 *   path: "model.head",
 *   found: "float32 [3,10]",
 *   expected: "float32 [3,5]",
 * }]);
 * ```
 *
 * @param path The file.
 * @param parts What to load, by name.
 * @param options See {@linkcode LoadOptions}.
 * @returns What was loaded, and what was not.
 * @throws {CheckpointError} If the file is damaged or no checkpoint.
 * @throws {RangeError} If file and parts differ, unless options allow it.
 */
export async function loadCheckpoint<P extends Parts>(
  path: string,
  parts: P,
  options: LoadOptions = {},
): Promise<LoadReport<P>> {
  using source = await FileSource.open(path);
  try {
    return await load(source, parts, options, `checkpoint ${path}`);
  } catch (error) {
    if (error instanceof CheckpointError) error.message += ` (${path})`;
    throw error;
  }
}

/**
 * The bytes that {@linkcode saveCheckpoint} would write: for browsers and other
 * stores.
 *
 * @param parts What to save, as they are at the call.
 * @param options See {@linkcode EncodeOptions}.
 * @returns The bytes.
 */
export async function encodeCheckpoint(
  parts: Parts,
  { metric }: EncodeOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const snapshot = takeSnapshot(parts, metric);
  try {
    const sink = new BytesSink();
    await writeSnapshot(sink, snapshot);
    return sink.join();
  } finally {
    snapshot.dispose();
  }
}

/**
 * Load parts from bytes, as {@linkcode loadCheckpoint} does from a file.
 *
 * @param bytes What {@linkcode encodeCheckpoint} gave, or the content of a file.
 * @param parts What to load, by name.
 * @param options See {@linkcode LoadOptions}.
 * @returns What was loaded, and what was not.
 */
export async function decodeCheckpoint<P extends Parts>(
  bytes: Uint8Array,
  parts: P,
  options: LoadOptions = {},
): Promise<LoadReport<P>> {
  return await load(new BytesSource(bytes), parts, options, "checkpoint");
}
