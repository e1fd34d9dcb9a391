/**
 * Exporting models to ONNX.
 *
 * @module
 */
import {
  boolean,
  check,
  checkOptions,
  instanceOf,
  listOf,
  nonemptyListOf,
  type OptionRules,
  refuse,
  string,
  tensor,
} from "../internal/check.ts";
import { transaction } from "../internal/transaction.ts";
import { scope } from "../memory.ts";
import { Module } from "../nn/mod.ts";
import * as tf from "../tf.ts";
import { encodeModel } from "./format.ts";
import { record, type Recording } from "./record.ts";
import type { Pair } from "./sizes.ts";
import { translate } from "./translate.ts";

/** Options of {@linkcode exportOnnx}. */
export interface ExportOnnxOptions {
  /** A name for each input. Default: `input`, or `input0`, `input1`, ... of several. */
  readonly inputNames?: readonly string[];
  /**
   * A name for each output. Default: `output`; `output0`, `output1`, ... of a list; the
   * names of a record.
   */
  readonly outputNames?: readonly string[];
  /**
   * Whether the exported model takes any number of examples; if not, as many as the
   * example has. Default: true.
   */
  readonly dynamicBatch?: boolean;
}

const RULES: OptionRules<ExportOnnxOptions> = {
  inputNames: listOf(string),
  outputNames: listOf(string),
  dynamicBatch: boolean,
};

const ACTION = "export to ONNX";

/**
 * A model as the bytes of a `.onnx` file, which ONNX Runtime and others run: what
 * `model.predict` computes.
 *
 * The kernels that the model runs for the example are recorded and become operators of
 * opset 17: in evaluation, so that Dropout is gone and BatchNorm uses its running
 * statistics. Weights are constants under the paths of their states. Images keep their
 * channels last. What the model decides in JavaScript, by the values of the example, is
 * decided once and for all. What it writes to states is taken back, and not exported.
 *
 * With a dynamic batch, the model is recorded for two sizes of batch; each size must be
 * the same in both or a multiple of it.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { exportOnnx } from "@braintape/braintape/onnx";
 *
 * await useBackend("cpu");
 * const model = new nn.Sequential(
 *   new nn.Conv2d(1, 4, 3),
 *   new nn.BatchNorm2d(4),
 *   nn.relu,
 *   new nn.Flatten(),
 *   new nn.Linear(4 * 8 * 8, 10),
 * );
 * const bytes = await exportOnnx(model, tf.zeros([1, 8, 8, 1]));
 * await Deno.writeFile(`${await Deno.makeTempDir()}/model.onnx`, bytes);
 * ```
 *
 * @param model The model. It returns a tensor, or a list or record of tensors.
 * @param inputs The arguments of its `update`: a tensor, or a list of them. The first
 * axis of each counts the examples.
 * @param options See {@linkcode ExportOnnxOptions}.
 * @returns The content of a file.
 * @throws {RangeError} If a kernel has no operator, all of which are named; if a size
 * depends on the batch in another way; or if the file would exceed 2 GiB.
 */
export async function exportOnnx(
  model: Module,
  inputs: tf.Tensor | readonly tf.Tensor[],
  options: ExportOnnxOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  check(ACTION, "the model", model, instanceOf(Module, "a module"));
  const given = inputs instanceof tf.Tensor ? [inputs] : inputs;
  check(ACTION, "the inputs", given, nonemptyListOf(tensor));
  checkOptions(ACTION, options, RULES);
  const { dynamicBatch = true } = options;
  const batch = batchOf(given);
  const inputNames = options.inputNames ?? numbered("input", given.length);
  checkNames("inputNames", inputNames, given.length);
  const asRecord = (output: unknown) =>
    outputsByName(output, inputNames, options);
  const recordings: Recording[] = [];
  const run = (times: number) =>
    scope(() => {
      recordings.push(record(model, repeated(given, times), asRecord));
    });
  try {
    // A batch of one could hide what grows with it.
    // Both begin with other states, so that what they draw or count is found out.
    const writes = transaction(() => {
      for (const times of dynamicBatch ? [2, 3] : [1]) run(times);
    });
    writes.rollback();
    const pair: Pair = {
      recordings: [recordings[0]!, recordings[1]],
      batches: dynamicBatch ? [2 * batch, 3 * batch] : [batch, undefined],
    };
    return encodeModel(
      await translate(pair, inputNames, model.constructor.name),
    );
  } finally {
    for (const recording of recordings) recording.dispose();
  }
}

/** The number of examples, which all inputs must have. */
function batchOf(inputs: readonly tf.Tensor[]): number {
  const [first] = inputs;
  for (const [i, { rank, shape }] of inputs.entries()) {
    if (rank === 0 || shape[0] === 0 || shape[0] !== first!.shape[0]) {
      const is = "of shape [examples, ...], with as many as the first has";
      refuse(ACTION, `inputs[${i}]`, is, inputs[i]);
    }
  }
  return first!.shape[0]!;
}

function repeated(inputs: readonly tf.Tensor[], times: number): tf.Tensor[] {
  return inputs.map((x) =>
    tf.tile(x, x.shape.map((_, axis) => axis === 0 ? times : 1))
  );
}

function numbered(name: string, count: number): string[] {
  return count === 1
    ? [name]
    : Array.from({ length: count }, (_, i) => `${name}${i}`);
}

function checkNames(
  option: string,
  names: readonly string[],
  count: number,
): void {
  const areDistinct = new Set(names).size === names.length;
  if (names.length === count && areDistinct && !names.includes("")) return;
  refuse(ACTION, option, `${count} different names`, names);
}

/** What a model returned, by name. */
function outputsByName(
  output: unknown,
  inputNames: readonly string[],
  { outputNames }: ExportOnnxOptions,
): Record<string, tf.Tensor> {
  const tensors = output instanceof tf.Tensor
    ? [output]
    : Array.isArray(output)
    ? output
    : Object.values(output ?? {});
  check(ACTION, "the output", tensors, nonemptyListOf(tensor));
  const isRecord = !(output instanceof tf.Tensor) && !Array.isArray(output);
  const names = outputNames ??
    (isRecord
      ? Object.keys(output as object)
      : numbered("output", tensors.length));
  checkNames("outputNames", names, tensors.length);
  const taken = names.find((name) => inputNames.includes(name));
  if (taken !== undefined) {
    const is = `other than those of the inputs, ${inputNames.join(", ")}`;
    refuse(ACTION, "the name of an output", is, taken);
  }
  return Object.fromEntries(names.map((name, i) => [name, tensors[i]!]));
}
