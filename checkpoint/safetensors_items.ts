/**
 * Which tensor of a model goes by which name in a safetensors file, and how.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { AnyState, States } from "../state.ts";
import type { Named } from "../tensors.ts";
import { ARRAYS, isSavedType } from "./header.ts";
import { classify, type HasStates } from "./parts.ts";
import { isRecord } from "./tree.ts";

/** Options that saving and loading share: how files and models differ. */
export interface SafetensorsOptions {
  /**
   * The name in the file of what the model has under a path: by path, or a
   * function of it. Default: the path.
   */
  readonly rename?: Named<string> | ((path: string) => string);
  /**
   * Whether the axes are in another order in the file. `true` swaps the two axes
   * of a matrix, and does nothing to a vector or scalar; a list says which of the
   * model's axes is the first in the file, the second, and so on. Default: none.
   *
   * PyTorch has the weights of `Linear` as `[out, in]`, so those are transposed,
   * and of `Conv2d` as `[out, in, height, width]`: `[3, 2, 0, 1]`.
   */
  readonly transpose?: (
    path: string,
    shape: readonly number[],
  ) => boolean | readonly number[];
}

/** What has states to save or load. */
export type StatesSource = HasStates | States<AnyState>;

/** A tensor of the model, as the file has it. */
export interface Item {
  /** Where the model has it. */
  readonly path: string;
  /** What holds it. */
  readonly state: AnyState;
  /** Its value. */
  readonly value: tf.Tensor;
  /** Its name in the file. */
  readonly name: string;
  /** The order of the model's axes in the file, if it is another. */
  readonly axes: readonly number[] | null;
}

/** The tensors of a model; states without one are left out. */
export function itemsOf(
  model: StatesSource,
  { rename = {}, transpose = () => false }: SafetensorsOptions,
): Item[] {
  const found = classify(model, "the model");
  if (found.kind !== "states") {
    // A record without states has no tensors either.
    if (isRecord(model) && Object.keys(model).length === 0) return [];
    throw new TypeError(
      "Cannot use safetensors: the model must be a module or a record of states",
    );
  }
  const nameOf = typeof rename === "function"
    ? rename
    : (path: string) => Object.hasOwn(rename, path) ? rename[path]! : path;
  const items: Item[] = [];
  const names = new Set<string>();
  for (const [path, state] of Object.entries(found.states)) {
    const { value } = state;
    if (!(value instanceof tf.Tensor)) continue;
    const name = nameOf(path);
    if (names.has(name) || name === "__metadata__") {
      throw new RangeError(
        `Cannot use safetensors: the name of ${path} must be no other's: current name is ${name}`,
      );
    }
    names.add(name);
    const axes = axesOf(path, value.shape, transpose(path, value.shape));
    items.push({ path, state, value, name, axes });
  }
  return items;
}

function axesOf(
  path: string,
  shape: readonly number[],
  order: boolean | readonly number[],
): readonly number[] | null {
  if (order === false || (order === true && shape.length < 2)) return null;
  if (order === true && shape.length === 2) return [1, 0];
  const axes = order === true ? [] : order;
  const isOrder = axes.length === shape.length &&
    shape.every((_, axis) => axes.includes(axis));
  if (isOrder) return axes;
  throw new RangeError(
    `Cannot transpose ${path} of shape [${shape}]: transpose must list each of its axes once: current value is ${
      order === true ? "true" : `[${order}]`
    }`,
  );
}

/** The tensors as they are now: clones, which share memory and are the caller's. */
export function itemsNow(
  model: StatesSource,
  options: SafetensorsOptions,
): Item[] {
  const items = itemsOf(model, options);
  for (const { path, value: { dtype } } of items) {
    if (isSavedType(dtype)) continue;
    throw new TypeError(
      `Cannot save ${path}: the dtype must be one of ${
        Object.keys(ARRAYS).join(", ")
      }: current value is ${dtype}`,
    );
  }
  return items
    .map((item) => ({ ...item, value: tf.keep(tf.clone(item.value)) }))
    // Wide elements first, so that all of them are aligned.
    .sort((a, b) =>
      Number(a.value.dtype === "bool") - Number(b.value.dtype === "bool")
    );
}
