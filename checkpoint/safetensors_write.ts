/**
 * Writes the tensors of a model as safetensors.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Named } from "../tensors.ts";
import { bytesOfElements, elementsIn } from "./data.ts";
import { ARRAYS, type SavedType } from "./header.ts";
import type { Sink } from "./records.ts";
import { type Entry, writeSafetensorsHeader } from "./safetensors_header.ts";
import { type Item, refuseName } from "./safetensors_items.ts";
import type { StoredBox } from "./stored_box.ts";
import { elementsOf, saveBox } from "./stored_copy.ts";

/** The dtypes of tensors as the format names them. */
export const DTYPES: Readonly<Record<SavedType, string>> = {
  float32: "F32",
  int32: "I32",
  bool: "BOOL",
};

/** A tensor to write, and the boxes that it consists of. */
export interface Output extends Entry {
  readonly type: SavedType;
  readonly boxes: { readonly item: Item; readonly box: StoredBox }[];
}

/** What the file will hold, wide elements first, so that all of them are aligned. */
export function outputsOf(items: readonly Item[]): Output[] {
  const outputs = new Map<string, Output>();
  for (const item of items) {
    for (const box of item.boxes) {
      const { name, shape } = box, type = item.value.dtype as SavedType;
      const output = outputs.get(name) ??
        { name, dtype: DTYPES[type], shape, type, boxes: [] };
      outputs.set(name, output);
      if (
        output.type !== type ||
        !tf.util.arraysEqual([...output.shape], [...shape])
      ) {
        refuseName(item.path, name);
      }
      output.boxes.push({ item, box });
    }
  }
  for (const output of outputs.values()) checkFilled(output);
  return [...outputs.values()].sort((a, b) =>
    Number(a.type === "bool") - Number(b.type === "bool")
  );
}

/** Throws unless the boxes fill the tensor, each element once. */
function checkFilled({ name, shape, boxes }: Output) {
  for (const [i, { item, box }] of boxes.entries()) {
    const taken = boxes.slice(0, i).some((other) => meet(other.box, box));
    if (taken) refuseName(item.path, name);
  }
  const filled = boxes.reduce((sum, { box }) => sum + elementsOf(box), 0);
  const size = tf.util.sizeFromShape([...shape]);
  if (filled === size) return;
  throw new RangeError(
    `Cannot save safetensors: the parts of ${name} must fill its shape [${
      shape.join(", ")
    }]: ${filled} of ${size} elements are given`,
  );
}

/** Whether two boxes of one tensor have an element in common. */
function meet(a: StoredBox, b: StoredBox): boolean {
  return a.from.every((begin, i) =>
    begin < b.from[i]! + b.size[b.axes[i]!]! &&
    b.from[i]! < begin + a.size[a.axes[i]!]!
  );
}

/** Write a file with the tensors of `outputs`. */
export async function writeOutputs(
  sink: Sink,
  outputs: readonly Output[],
  metadata: Named<string>,
): Promise<void> {
  await writeSafetensorsHeader(sink, { entries: outputs, metadata });
  for (const { shape, type, boxes } of outputs) {
    const elements = new ARRAYS[type](tf.util.sizeFromShape([...shape]));
    for (const { item: { value }, box } of boxes) {
      saveBox(box, await elementsIn(value), elements, value.shape);
    }
    await sink.write(bytesOfElements(elements));
  }
}
