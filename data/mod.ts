/**
 * Data: examples in memory, batches of them, and readers of files.
 *
 * | to | use |
 * | --- | --- |
 * | hold examples as typed arrays | {@linkcode column}, {@linkcode Dataset} |
 * | iterate over batches of tensors | {@linkcode batches}, {@linkcode textWindows} |
 * | read files | {@linkcode readCsv}, {@linkcode readIdx}, {@linkcode readText} |
 * | read and write NumPy's files | {@linkcode readNpy}, {@linkcode readNpz}, {@linkcode encodeNpy}, {@linkcode encodeNpz} |
 * | read images | {@linkcode imageFolder}, {@linkcode readImage}, {@linkcode decodeImage} |
 * | turn a table into numbers | {@linkcode TableEncoder} |
 * | pad sequences | {@linkcode padSequences}, {@linkcode bucketByLength} |
 * | change images at random | {@linkcode randomCrop}, {@linkcode randomHorizontalFlip}, {@linkcode mixup} and others |
 * | read ahead of the device | {@linkcode prefetch} |
 *
 * All of it is part of `train` too.
 *
 * @example Usage
 * ```ts
 * import { data, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const table = data.parseCsv("x,y\n1,2\n3,4\n5,6\n");
 * const points = data.csvNumbers(table, ["x", "y"]);
 * const sizes = [];
 * for (const [batch] of data.batches([points], { batchSize: 2 })) {
 *   sizes.push(batch.shape);
 * }
 * assertEquals(sizes, [[2, 2], [1, 2]]);
 * ```
 *
 * @module
 */
export * from "./augment/mod.ts";
export { type Batch, Batches, type MappedBatchesOptions } from "./batch.ts";
export type { BatchesOptions, BatchesPlace, Pass, Passes } from "./passes.ts";
export {
  batches,
  type BatchOf,
  type BatchTensor,
  type Source,
  type TensorOfExamples,
} from "./batches.ts";
export {
  csvNumbers,
  type CsvOptions,
  type CsvTable,
  parseCsv,
  readCsv,
} from "./csv.ts";
export {
  type Column,
  column,
  type ColumnData,
  type Numbers,
} from "./column.ts";
export { Dataset, type Rows } from "./dataset.ts";
export { type ReadOptions, readText } from "./files.ts";
export * from "./idx.ts";
export * from "./idx_directory.ts";
export * from "./images/mod.ts";
export * from "./npy/mod.ts";
export { prefetch, type Prefetched, type PrefetchSource } from "./prefetch.ts";
export * from "./sequences/mod.ts";
export type { BatchSource } from "./sources.ts";
export type { Shard } from "./shard.ts";
export * from "./tables/mod.ts";
export {
  type TextWindows,
  textWindows,
  type TextWindowsOptions,
  Vocabulary,
} from "./text.ts";
