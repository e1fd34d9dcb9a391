/**
 * Checkpoints: everything that is needed to resume training, in one file.
 *
 * A resumed run equals the uninterrupted one bit for bit, if all that training
 * depends on is saved: model, optimizer, schedulers, random states and the position
 * in the data. Files are written atomically, have a checksum for each record, and
 * are checked completely before anything changes.
 *
 * | to | use |
 * | --- | --- |
 * | save and resume a run | {@linkcode saveCheckpoint}, {@linkcode loadCheckpoint} |
 * | check a file, also from the command line | {@linkcode verifyCheckpoint} |
 * | find the file to resume from | {@linkcode latestCheckpoint}, {@linkcode bestCheckpoint} |
 * | keep bytes elsewhere, as in a browser | {@linkcode encodeCheckpoint}, {@linkcode decodeCheckpoint} |
 * | exchange weights with Python | {@linkcode saveSafetensors}, {@linkcode loadSafetensors} |
 * | see what such a file has | {@linkcode listSafetensors} |
 * | say how Python's layout differs | {@linkcode stored}, {@linkcode joined}, {@linkcode summed} |
 *
 * @module
 */
import { deno } from "./internal/system/system.ts";

export type { CheckpointReport, DataOf } from "./checkpoint/decode.ts";
export type {
  Differences,
  LoadOptions,
  Mismatch,
} from "./checkpoint/differences.ts";
export {
  bestCheckpoint,
  type BestOptions,
  type FindOptions,
  latestCheckpoint,
} from "./checkpoint/folder.ts";
export { CheckpointError } from "./checkpoint/format.ts";
export type { HasStates, Part, Parts, Resumable } from "./checkpoint/parts.ts";
export {
  decodeCheckpoint,
  encodeCheckpoint,
  type EncodeOptions,
  loadCheckpoint,
  saveCheckpoint,
  type SaveOptions,
} from "./checkpoint/save_load.ts";
export {
  decodeSafetensors,
  encodeSafetensors,
  loadSafetensors,
  type LoadSafetensorsOptions,
  type SafetensorsReport,
  saveSafetensors,
  type SaveSafetensorsOptions,
} from "./checkpoint/safetensors.ts";
export {
  listSafetensors,
  type SafetensorsEntry,
} from "./checkpoint/safetensors_list.ts";
export type {
  SafetensorsOptions,
  StatesSource,
  StoredMap,
} from "./checkpoint/safetensors_items.ts";
export {
  type AxisOptions,
  joined,
  type JoinedOptions,
  Stored,
  stored,
  summed,
} from "./checkpoint/stored.ts";
export type { StoredBox } from "./checkpoint/stored_box.ts";
export type { PlainData, TypedArray } from "./checkpoint/tree.ts";
export {
  type CheckpointSummary,
  type PartSummary,
  verifyCheckpoint,
} from "./checkpoint/verify.ts";

if (deno && import.meta.main) {
  const { command } = await import("./checkpoint/command.ts");
  deno.exit(await command(deno.args));
}
