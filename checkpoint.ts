/**
 * Checkpoints: everything that training needs to go on, in one file.
 *
 * A resumed run equals the uninterrupted one bit for bit, if everything that
 * training depends on is among the parts: model, optimizer, scheduler, random
 * states and the place in the data. Files are complete or not there at all, carry
 * a checksum for each record, and are checked as a whole before they change
 * anything.
 *
 * | to | use |
 * | --- | --- |
 * | save and resume a run | {@linkcode saveCheckpoint}, {@linkcode loadCheckpoint} |
 * | find the file to resume from | {@linkcode latestCheckpoint}, {@linkcode bestCheckpoint} |
 * | keep bytes elsewhere, as in a browser | {@linkcode encodeCheckpoint}, {@linkcode decodeCheckpoint} |
 * | exchange weights with Python | {@linkcode saveSafetensors}, {@linkcode loadSafetensors} |
 *
 * @module
 */
export type { DataOf, LoadReport } from "./checkpoint/decode.ts";
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
export type {
  SafetensorsOptions,
  StatesSource,
} from "./checkpoint/safetensors_items.ts";
export type { PlainData, TypedArray } from "./checkpoint/tree.ts";
