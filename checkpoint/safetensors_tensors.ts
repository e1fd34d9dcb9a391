/**
 * The tensors of safetensors files.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Named } from "../tensors.ts";
import { apply } from "./apply.ts";
import { inverse, permute, transposed } from "./axes.ts";
import { bytesOfElements, elementsIn, makeTensor } from "./data.ts";
import { type Differences, type LoadOptions, report } from "./differences.ts";
import { fromBfloat16, fromFloat16 } from "./half.ts";
import {
  ARRAYS,
  type Elements,
  type SavedType,
  type TensorInfo,
} from "./header.ts";
import { type StateChange, TensorRef } from "./load_plan.ts";
import type { Sink, Source } from "./records.ts";
import {
  bytesOfEntry,
  type Entry,
  readSafetensorsHeader,
  writeSafetensorsHeader,
} from "./safetensors_header.ts";
import {
  type Item,
  itemsOf,
  type SafetensorsOptions,
  type StatesSource,
} from "./safetensors_items.ts";

/** The dtypes of tensors as the format names them. */
const DTYPES: Readonly<Record<SavedType, string>> = {
  float32: "F32",
  int32: "I32",
  bool: "BOOL",
};

/** The dtypes of the format that can be read, and the dtypes of their tensors. */
const READABLE: Readonly<Record<string, SavedType>> = {
  F32: "float32",
  I32: "int32",
  BOOL: "bool",
  F16: "float32",
  BF16: "float32",
};

/** Write a file with the tensors of `items`, which are freed. */
export async function writeItems(
  sink: Sink,
  items: readonly Item[],
  metadata: Named<string>,
): Promise<void> {
  const entries = items.map(({ name, value, axes }) => ({
    name,
    dtype: DTYPES[value.dtype as SavedType],
    shape: axes ? permute(value.shape, axes) : value.shape,
  }));
  await writeSafetensorsHeader(sink, { entries, metadata });
  for (const { value, axes } of items) {
    const elements = await elementsIn(value);
    const ordered = axes ? transposed(elements, value.shape, axes) : elements;
    await sink.write(bytesOfElements(ordered));
    // Not before: on some backends the tensor uses the array of elements.
    value.dispose();
  }
}

/** Load the tensors of a file into a model. */
export async function readInto(
  source: Source,
  model: StatesSource,
  options: SafetensorsOptions & LoadOptions,
  name: string,
): Promise<Differences & { readonly metadata: Named<string> }> {
  const items = itemsOf(model, options);
  const { entries, metadata } = await readSafetensorsHeader(source);
  const { states, chosen, ...differences } = match(items, entries);
  report(differences, options, name);
  const tensors = new Map<number, tf.Tensor>();
  try {
    for (const [number, entry] of entries.entries()) {
      const item = chosen.get(number);
      if (!item) await source.skip(bytesOfEntry(entry));
      else tensors.set(number, await readTensor(source, entry, item));
    }
    apply({ states, dicts: [] }, tensors);
  } finally {
    tf.dispose([...tensors.values()]);
  }
  return { ...differences, metadata };
}

/** Match the tensors of the file with those of the model. */
function match(items: readonly Item[], entries: readonly Entry[]) {
  const differences = {
    missing: [],
    unexpected: [],
    mismatched: [],
  } as Differences;
  const states: StateChange[] = [];
  const chosen = new Map<number, Item>();
  const numbers = new Map(entries.map(({ name }, number) => [name, number]));
  for (const item of items) {
    const { path, state, value, name, axes } = item;
    const number = numbers.get(name);
    numbers.delete(name);
    if (number === undefined) {
      differences.missing.push(path);
      continue;
    }
    const { dtype, shape } = entries[number]!;
    const expected = axes ? permute(value.shape, axes) : value.shape;
    const fits = READABLE[dtype] === value.dtype &&
      tf.util.arraysEqual(expected, [...shape]);
    if (!fits) {
      differences.mismatched.push({
        path,
        found: `${dtype} [${shape}]`,
        expected: `${DTYPES[value.dtype as SavedType]} [${expected}]`,
      });
      continue;
    }
    const info = infoOf(value);
    states.push({ state, value: new TensorRef(number, info) });
    chosen.set(number, item);
  }
  for (const name of numbers.keys()) differences.unexpected.push(name);
  return { ...differences, states, chosen };
}

function infoOf({ dtype, shape }: tf.Tensor): TensorInfo {
  return { dtype: dtype as SavedType, shape };
}

async function readTensor(
  source: Source,
  entry: Entry,
  { value, axes }: Item,
): Promise<tf.Tensor> {
  const bytes = new Uint8Array(bytesOfEntry(entry));
  await source.fill(bytes);
  const info = infoOf(value);
  const elements = elementsOf(entry.dtype, bytes.buffer, info.dtype);
  const ordered = axes
    ? transposed(elements, entry.shape, inverse(axes))
    : elements;
  return makeTensor(ordered, info);
}

/** The elements of a tensor in the file. */
function elementsOf(
  dtype: string,
  buffer: ArrayBuffer,
  type: SavedType,
): Elements {
  if (dtype === "F16") return fromFloat16(new Uint16Array(buffer));
  if (dtype === "BF16") return fromBfloat16(new Uint16Array(buffer));
  return new ARRAYS[type](buffer);
}
