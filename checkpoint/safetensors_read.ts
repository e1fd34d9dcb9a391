/**
 * Reads safetensors into a model.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Named } from "../tensors.ts";
import { apply } from "./apply.ts";
import { permute } from "./axes.ts";
import { makeTensor } from "./data.ts";
import { type LoadOptions, type Mismatch, report } from "./differences.ts";
import { CheckpointError } from "./format.ts";
import { fromBfloat16, fromFloat16 } from "../internal/half.ts";
import { ARRAYS, type Elements, type SavedType } from "./header.ts";
import { TensorRef } from "./load_plan.ts";
import type { Source } from "./records.ts";
import {
  bytesOfEntry,
  type Entry,
  readSafetensorsHeader,
  type SafetensorsHeader,
} from "./safetensors_header.ts";
import {
  type Item,
  itemsOf,
  type SafetensorsOptions,
  type StatesSource,
} from "./safetensors_items.ts";
import { DTYPES } from "./safetensors_write.ts";
import { elementsOutside, type FileBox } from "./stored_box.ts";
import { loadBox } from "./stored_copy.ts";

/** The dtypes of the format that can be read, and the dtypes of their tensors. */
const READABLE: Readonly<Record<string, SavedType>> = {
  F32: "float32",
  I32: "int32",
  BOOL: "bool",
  F16: "float32",
  BF16: "float32",
};

/** The dtypes that become float32. */
const HALVES = ["F16", "BF16"];

/** Names that may be in a file without being used. */
export type Ignored = readonly (string | RegExp)[];

/** What was loaded, and what was not. */
export interface Loaded {
  /** Paths of the model that the file does not have. */
  readonly missing: string[];
  /** Names in the file that nothing uses, or not all of. */
  readonly unexpected: string[];
  /** Tensors of another shape or dtype. */
  readonly mismatched: Mismatch[];
  /** Names in the file that `ignore` leaves out. */
  readonly ignored: string[];
  /** The 16-bit dtype of each tensor that became float32. */
  readonly converted: Named<string>;
  /** The strings stored in the file. */
  readonly metadata: Named<string>;
}

/**
 * Load tensors into a model.
 *
 * @param sources The files, each from its beginning.
 * @param name The name of the file in errors.
 */
export async function readInto(
  sources: readonly Source[],
  model: StatesSource,
  options: SafetensorsOptions & LoadOptions & { readonly ignore?: Ignored },
  name: string,
): Promise<Loaded> {
  const items = itemsOf(model, options);
  const headers: SafetensorsHeader[] = [];
  for (const source of sources) {
    headers.push(await readSafetensorsHeader(source));
  }
  const { chosen, ...found } = match(
    items,
    entriesByName(headers),
    options.ignore ?? [],
  );
  // All are named: whoever maps a layout has to see every tensor.
  report(found, options, name, Infinity);
  const values = new Map(chosen.map((item) => [item, new Filling(item)]));
  try {
    for (const [i, source] of sources.entries()) {
      for (const entry of headers[i]!.entries) {
        await readEntry(source, entry, [...values.values()]);
      }
    }
    const tensors = [...values.values()].map(({ tensor }) => tensor!);
    apply({
      states: chosen.map(({ state, value }, number) => ({
        state,
        value: new TensorRef(number, {
          dtype: value.dtype as SavedType,
          shape: value.shape,
        }),
      })),
      dicts: [],
    }, new Map(tensors.entries()));
  } finally {
    for (const { tensor } of values.values()) tensor?.dispose();
  }
  const metadata = Object.fromEntries(
    headers.flatMap(({ metadata }) => Object.entries(metadata)),
  );
  return { ...found, metadata };
}

/** The tensors of all files by name. */
function entriesByName(
  headers: readonly SafetensorsHeader[],
): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const entry of headers.flatMap(({ entries }) => entries)) {
    if (entries.has(entry.name)) {
      throw new CheckpointError(
        `Cannot read safetensors: ${entry.name} is in two files`,
      );
    }
    entries.set(entry.name, entry);
  }
  return entries;
}

/** Match the tensors of the files with those of the model. */
function match(
  items: readonly Item[],
  entries: ReadonlyMap<string, Entry>,
  ignore: Ignored,
): Omit<Loaded, "metadata"> & { readonly chosen: Item[] } {
  const missing: string[] = [],
    mismatched: Mismatch[] = [],
    chosen: Item[] = [];
  const converted = new Map<string, string>();
  const used = new Map<string, (FileBox & { shape: readonly number[] })[]>();
  for (const item of items) {
    const { path, boxes, value } = item;
    for (const box of boxes) {
      const taken = used.get(box.name) ?? [];
      const { from, shape } = box;
      taken.push({ from, size: permute(box.size, box.axes), shape });
      used.set(box.name, taken);
    }
    if (boxes.some(({ name }) => !entries.has(name))) {
      missing.push(path);
      continue;
    }
    const differing = boxes.find(({ name, shape }) => {
      const entry = entries.get(name)!;
      return READABLE[entry.dtype] !== value.dtype ||
        !tf.util.arraysEqual([...entry.shape], [...shape]);
    });
    if (differing) {
      const { dtype, shape } = entries.get(differing.name)!;
      mismatched.push({
        path,
        found: `${dtype} [${shape}]`,
        expected: `${DTYPES[value.dtype as SavedType]} [${differing.shape}]`,
      });
      continue;
    }
    chosen.push(item);
    for (const { name } of boxes) {
      const { dtype } = entries.get(name)!;
      if (HALVES.includes(dtype)) converted.set(name, dtype);
    }
  }
  const unused = [...entries.values()].filter(({ name, shape }) => {
    const boxes = used.get(name);
    if (!boxes) return true;
    // A tensor of another shape is told of as such.
    const sizes = `${shape}`;
    if (boxes.some((box) => `${box.shape}` !== sizes)) return false;
    const whole = { from: shape.map(() => 0), size: shape };
    return elementsOutside(boxes, whole) > 0;
  }).map(({ name }) => name);
  const patterns = ignore.map(patternOf);
  const isIgnored = (name: string) => patterns.some((test) => test(name));
  return {
    missing,
    mismatched,
    unexpected: unused.filter((name) => !isIgnored(name)),
    ignored: unused.filter(isIgnored),
    converted: Object.fromEntries(converted),
    chosen,
  };
}

/** Whether a name fits; `*` in a string stands for any characters. */
function patternOf(pattern: string | RegExp): (name: string) => boolean {
  if (pattern instanceof RegExp) return (name) => name.search(pattern) >= 0;
  const parts = pattern.split("*").map((part) => escaped(part));
  const whole = new RegExp(`^${parts.join(".*")}$`, "s");
  return (name) => whole.test(name);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** The value of a state while it is read. */
class Filling {
  tensor: tf.Tensor | undefined;
  #elements: Elements | undefined;
  #left: number;

  constructor(readonly item: Item) {
    this.#left = item.boxes.length;
    // A state without elements takes nothing from the file.
    if (this.#left === 0) this.#end();
  }

  /** Take what `elements`, the tensor of that name in the file, has of the value. */
  take(name: string, elements: Elements) {
    const { boxes, value } = this.item;
    const own = boxes.filter((box) => box.name === name);
    if (own.length === 0) return;
    this.#elements ??= this.#zeros();
    for (const box of own) {
      loadBox(box, elements, this.#elements, value.shape);
    }
    this.#left -= own.length;
    if (this.#left === 0) this.#end();
  }

  #zeros(): Elements {
    const { dtype, size } = this.item.value;
    return new ARRAYS[dtype as SavedType](size);
  }

  #end() {
    const { dtype, shape } = this.item.value;
    const elements = this.#elements ?? this.#zeros();
    this.tensor = makeTensor(elements, { dtype: dtype as SavedType, shape });
    this.#elements = undefined;
  }
}

async function readEntry(
  source: Source,
  entry: Entry,
  fillings: readonly Filling[],
) {
  const { name, dtype } = entry;
  const takers = fillings.filter(({ item }) =>
    item.boxes.some((box) => box.name === name)
  );
  if (takers.length === 0) return await source.skip(bytesOfEntry(entry));
  const bytes = new Uint8Array(bytesOfEntry(entry));
  await source.fill(bytes);
  const elements = dtype === "F16"
    ? fromFloat16(new Uint16Array(bytes.buffer))
    : dtype === "BF16"
    ? fromBfloat16(new Uint16Array(bytes.buffer))
    : new ARRAYS[READABLE[dtype]!](bytes.buffer);
  for (const filling of takers) filling.take(name, elements);
}
