/**
 * Safetensors: exchange of weights with PyTorch, JAX and Hugging Face.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  checkOptions,
  either,
  instanceOf,
  listOf,
  type OptionRules,
  recordOf,
  string,
} from "../internal/check.ts";
import { filePath } from "../internal/file_path.ts";
import type { Named } from "../tensors.ts";
import {
  type Differences,
  LOAD_RULES,
  type LoadOptions,
} from "./differences.ts";
import { BytesSink, BytesSource } from "./files.ts";
import { CheckpointError } from "./format.ts";
import type { Source } from "./records.ts";
import { replaceFile } from "./replace_file.ts";
import {
  itemsNow,
  SAFETENSORS_RULES,
  type SafetensorsOptions,
  type StatesSource,
} from "./safetensors_items.ts";
import { readInto } from "./safetensors_read.ts";
import { readingFiles } from "./safetensors_shards.ts";
import { outputsOf, writeOutputs } from "./safetensors_write.ts";

/** Options of {@linkcode saveSafetensors}. */
export interface SaveSafetensorsOptions extends SafetensorsOptions {
  /**
   * Strings to store in the file. Hugging Face's `transformers` requires
   * `{ format: "pt" }`. Default: none.
   */
  readonly metadata?: Named<string>;
}

/**
 * Options of {@linkcode loadSafetensors}. Those of {@linkcode saveSafetensors} are
 * accepted too, so that one object can be used for both.
 */
export interface LoadSafetensorsOptions
  extends SafetensorsOptions, LoadOptions {
  /**
   * Names in the file that may stay unused, as buffers do that the model does not need.
   * In a string, `*` stands for any characters; a RegExp has to be found in the name.
   * Default: none.
   */
  readonly ignore?: readonly (string | RegExp)[];
}

/**
 * The result of loading safetensors; `unexpected` has names in the file that nothing
 * uses, or of which a part is left over.
 */
export interface SafetensorsReport extends Differences {
  /** Names in the file that `ignore` left out. */
  readonly ignored: string[];
  /** By name in the file, `"F16"` or `"BF16"` of what became float32, which is exact. */
  readonly converted: Named<string>;
  /** The strings stored in the file. */
  readonly metadata: Named<string>;
}

const SAVE_RULES: OptionRules<SaveSafetensorsOptions> = {
  ...SAFETENSORS_RULES,
  metadata: recordOf(string),
};

/** One object of options can be used for both; loading ignores `metadata`. */
const RULES: OptionRules<LoadSafetensorsOptions & SaveSafetensorsOptions> = {
  ...SAVE_RULES,
  ...LOAD_RULES,
  ignore: listOf(either(string, instanceOf(RegExp, "a string or a RegExp"))),
};

/**
 * Save the tensors of a model in a safetensors file.
 *
 * The values at the time of the call are saved. States that do not hold a tensor are
 * left out. The file is written atomically, as {@linkcode saveCheckpoint} does.
 *
 * @example Weights as PyTorch has them
 * ```ts
 * import {
 *   loadSafetensors,
 *   ParamState,
 *   saveSafetensors,
 *   tf,
 *   useBackend,
 * } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const path = `${await Deno.makeTempDir()}/model.safetensors`;
 * const like = {
 *   rename: (path: string) => `encoder.${path}`,
 *   transpose: (path: string) => path.endsWith("weight"),
 * };
 * const model = { "out.weight": new ParamState(tf.tensor2d([[1, 2, 3]])) };
 * await saveSafetensors(path, model, like); // encoder.out.weight: [3, 1]
 *
 * const other = { "out.weight": new ParamState(tf.zeros([1, 3])) };
 * await loadSafetensors(path, other, like);
 * assertEquals([...await other["out.weight"].value.data()], [1, 2, 3]);
 * ```
 *
 * @param file The path of the file; missing folders are created.
 * @param model A module, or a record of states.
 * @param options See {@linkcode SaveSafetensorsOptions}.
 * @throws {TypeError} If a tensor is not float32, int32 or bool.
 * @throws {RangeError} If two tensors would have the same name.
 */
export async function saveSafetensors(
  file: string | URL,
  model: StatesSource,
  options: SaveSafetensorsOptions = {},
): Promise<void> {
  checkOptions("save safetensors", options, SAVE_RULES);
  const path = filePath("save safetensors", file);
  const items = itemsNow(model, options);
  try {
    const outputs = outputsOf(items);
    await replaceFile(
      path,
      (sink) => writeOutputs(sink, outputs, options.metadata ?? {}),
    );
  } finally {
    tf.dispose(items.map(({ value }) => value));
  }
}

/**
 * Encode the tensors of a model as bytes, the content of the file that
 * {@linkcode saveSafetensors} writes.
 *
 * @param model A module, or a record of states.
 * @param options See {@linkcode SaveSafetensorsOptions}.
 * @returns The bytes.
 */
export async function encodeSafetensors(
  model: StatesSource,
  options: SaveSafetensorsOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  checkOptions("save safetensors", options, SAVE_RULES);
  const items = itemsNow(model, options);
  try {
    const sink = new BytesSink();
    await writeOutputs(sink, outputsOf(items), options.metadata ?? {});
    return sink.join();
  } finally {
    tf.dispose(items.map(({ value }) => value));
  }
}

/**
 * Load the tensors of a model from a safetensors file.
 *
 * Tensors in the file can be float32, int32, bool, float16 and bfloat16; the last two
 * become float32, and the report names them. As in {@linkcode loadCheckpoint}, everything
 * is read and checked before anything changes; one error names every tensor in the file
 * that was not used and every state that was not given.
 *
 * Where a file is in shards, load its index, `model.safetensors.index.json`.
 *
 * @example Weights of torch's LSTM, whose gates have another order and two biases
 * ```ts
 * import { decodeSafetensors, encodeSafetensors, joined, nn, stored, summed, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * // torch: input, forget, candidate, output; here: input, candidate, forget + 1, output
 * const gates = (x: ReturnType<typeof stored>) => x.reordered([0, 2, 1, 3]);
 * const weights = (name: string) => gates(stored(name)).transposed();
 * const lstm = new nn.LSTMCell(3, 5);
 * const map = {
 *   "gates.weight": joined([weights("weight_ih"), weights("weight_hh")], {
 *     sizes: [3, 5],
 *   }),
 *   "gates.bias": gates(summed(["bias_ih", "bias_hh"])),
 * };
 * const file = await encodeSafetensors(lstm, { map });
 * const report = await decodeSafetensors(file, lstm, { map });
 * assertEquals(report.missing, []);
 * ```
 *
 * @param file The path of the file, or of the index of its shards.
 * @param model A module, or a record of states.
 * @param options See {@linkcode LoadSafetensorsOptions}.
 * @returns The differences, and the stored strings.
 * @throws {CheckpointError} If the file is damaged or not a safetensors file.
 * @throws {RangeError} If file and model differ and the options do not allow it.
 */
export async function loadSafetensors(
  file: string | URL,
  model: StatesSource,
  options: LoadSafetensorsOptions = {},
): Promise<SafetensorsReport> {
  const path = filePath("load safetensors", file);
  try {
    return await readingFiles(
      path,
      (sources) => read(sources, model, options, path),
    );
  } catch (error) {
    if (error instanceof CheckpointError) error.message += ` (${path})`;
    throw error;
  }
}

/**
 * Load the tensors of a model from the bytes of a safetensors file, as
 * {@linkcode loadSafetensors} does.
 *
 * @param bytes The content of a file.
 * @param model A module, or a record of states.
 * @param options See {@linkcode LoadSafetensorsOptions}.
 * @returns The differences, and the stored strings.
 */
export async function decodeSafetensors(
  bytes: Uint8Array,
  model: StatesSource,
  options: LoadSafetensorsOptions = {},
): Promise<SafetensorsReport> {
  return await read([new BytesSource(bytes)], model, options, "safetensors");
}

async function read(
  sources: readonly Source[],
  model: StatesSource,
  options: LoadSafetensorsOptions,
  name: string,
): Promise<SafetensorsReport> {
  checkOptions("load safetensors", options, RULES);
  return await readInto(sources, model, options, name);
}
