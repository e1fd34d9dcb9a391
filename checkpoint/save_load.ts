/**
 * Saving to and loading from files and bytes.
 *
 * @module
 */
import { checkOptions, oneOf, type OptionRules } from "../internal/check.ts";
import { filePath } from "../internal/file_path.ts";
import { type CheckpointReport, load } from "./decode.ts";
import { LOAD_RULES, type LoadOptions } from "./differences.ts";
import { checkParts, takeSnapshot, writeSnapshot } from "./encode.ts";
import { BytesSink, BytesSource, FileSource } from "./files.ts";
import { isNumbered, prune } from "./folder.ts";
import { CheckpointError } from "./format.ts";
import type { Parts } from "./parts.ts";
import { probeFolder, replaceFile } from "./replace_file.ts";

/** Options of {@linkcode encodeCheckpoint}. */
export interface EncodeOptions {
  /** The metric of this checkpoint, for `keepBest` and `bestCheckpoint`. */
  readonly metric?: number;
}

/** Options of {@linkcode saveCheckpoint}. */
export interface SaveOptions extends EncodeOptions {
  /**
   * The number of newest checkpoints to keep, including this one. Older ones whose
   * names differ from this one's only in the number are removed. Default: all, or
   * only this one if `keepBest` is given.
   */
  readonly keepLast?: number;
  /**
   * The number of checkpoints with the best metrics to keep besides. One without a
   * metric, or with one that is not finite, is never among the best. Default: 0.
   */
  readonly keepBest?: number;
  /**
   * Whether smaller or larger metrics are better; the file says it to
   * `bestCheckpoint`. Default: `"min"`.
   */
  readonly mode?: "min" | "max";
}

const ACTION = "save checkpoint";

const ENCODE_RULES: OptionRules<EncodeOptions> = { metric: "a number" };

const SAVE_RULES: OptionRules<SaveOptions> = {
  ...ENCODE_RULES,
  keepLast: "a positive integer",
  keepBest: "a positive integer",
  mode: oneOf("min", "max"),
};

/** The pending saves, by path. */
const underWay = new Map<string, Promise<void>>();

/**
 * Save models, optimizers, schedulers, random states and plain data in one file.
 *
 * The values at the time of the call are saved: training may continue while the
 * promise is pending. The file is written to a temporary file, synced to disk, and
 * renamed, so that it is either complete or not there. Saves to one path happen in
 * the order of the calls.
 *
 * A part is a module, a state, a record of states, an object with `stateDict` and
 * `loadStateDict`, or plain data: numbers, strings, typed arrays, lists and records
 * of these.
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
 * @param file The path of the file; missing folders are created.
 * @param parts The parts to save, by name.
 * @param options See {@linkcode SaveOptions}.
 * @throws {TypeError} If a part cannot be saved.
 * @throws {RangeError} If a tensor has more than 4 GiB, or an option is out of range.
 * @throws {Error} If the file cannot be written; an older one is unchanged.
 */
export async function saveCheckpoint(
  file: string | URL,
  parts: Parts,
  options: SaveOptions = {},
): Promise<void> {
  checkOptions(ACTION, options, SAVE_RULES);
  const path = filePath(ACTION, file);
  checkRetention(path, options);
  // Before the first `await`, so that the current values are saved.
  const snapshot = takeSnapshot(parts, options.metric, options.mode);
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
  for (const name of ["keepLast", "keepBest"] as const) {
    if (options[name] === undefined || isNumbered(path)) continue;
    throw new RangeError(
      `Cannot save checkpoint: ${name} needs a number in the file's name, such as step-100.ckpt: current path is ${path}`,
    );
  }
}

/**
 * Load parts from a file that {@linkcode saveCheckpoint} wrote.
 *
 * Everything is read and checked before anything changes, and all parts change in
 * one synchronous step. If it throws, nothing has changed. Parts that are plain data
 * are returned as `data`; the given ones are the defaults if the file does not have
 * them, and determine the kind of value expected. Other parts of the file are not
 * loaded. While loading, old and new tensors are both in memory.
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
 * @param file The path of the file.
 * @param parts The parts to load, by name.
 * @param options See {@linkcode LoadOptions}.
 * @returns The differences, and the plain data.
 * @throws {CheckpointError} If the file is damaged or not a checkpoint.
 * @throws {RangeError} If file and parts differ and the options do not allow it.
 */
export async function loadCheckpoint<P extends Parts>(
  file: string | URL,
  parts: P,
  options: LoadOptions = {},
): Promise<CheckpointReport<P>> {
  checkOptions("load checkpoint", options, LOAD_RULES);
  const path = filePath("load checkpoint", file);
  try {
    return await FileSource.reading(
      path,
      (source) => load(source, parts, options, `checkpoint ${path}`),
    );
  } catch (error) {
    if (error instanceof CheckpointError) error.message += ` (${path})`;
    throw error;
  }
}

/**
 * Encode a checkpoint as bytes, the content of the file that
 * {@linkcode saveCheckpoint} writes: for browsers and other storage.
 *
 * @param parts The parts to save, by name.
 * @param options See {@linkcode EncodeOptions}.
 * @returns The bytes.
 */
export async function encodeCheckpoint(
  parts: Parts,
  options: EncodeOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  checkOptions(ACTION, options, ENCODE_RULES);
  const { metric } = options;
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
 * @param bytes The result of {@linkcode encodeCheckpoint}, or the content of a file.
 * @param parts The parts to load, by name.
 * @param options See {@linkcode LoadOptions}.
 * @returns The differences, and the plain data.
 */
export async function decodeCheckpoint<P extends Parts>(
  bytes: Uint8Array,
  parts: P,
  options: LoadOptions = {},
): Promise<CheckpointReport<P>> {
  checkOptions("load checkpoint", options, LOAD_RULES);
  return await load(new BytesSource(bytes), parts, options, "checkpoint");
}

/**
 * Throw unless checkpoints of `parts` can be written to `folder`: before hours of
 * training, rather than at the first save after them.
 */
export async function probeSave(folder: string, parts: Parts): Promise<void> {
  checkParts(parts);
  await probeFolder(folder);
}
