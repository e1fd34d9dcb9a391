/**
 * The tensors of a model, with their names and axes in a safetensors file.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  callable,
  either,
  type OptionRules,
  recordOf,
  string,
} from "../internal/check.ts";
import type { AnyState, States } from "../state.ts";
import type { Named } from "../tensors.ts";
import { ARRAYS, isSavedType } from "./header.ts";
import { classify, type HasStates } from "./parts.ts";
import { isRecord } from "./tree.ts";

/** Options of saving and loading safetensors. */
export interface SafetensorsOptions {
  /**
   * The name in the file of each path of the model: a record, or a function of the
   * path. Default: the path.
   */
  readonly rename?: Named<string> | ((path: string) => string);
  /**
   * Whether the axes are in another order in the file. `true` swaps the two axes
   * of a matrix, and does nothing to a vector or scalar; a list has the axis of the
   * model that is the first in the file, the second, and so on. Default: none.
   *
   * PyTorch has the weights of `Linear` as `[out, in]`, so those are transposed,
   * and of `Conv2d` as `[out, in, height, width]`: `[3, 2, 0, 1]`.
   */
  readonly transpose?: (
    path: string,
    shape: readonly number[],
  ) => boolean | readonly number[];
}

/** The rules of {@linkcode SafetensorsOptions}. */
export const SAFETENSORS_RULES: OptionRules<SafetensorsOptions> = {
  rename: either(callable, recordOf(string)),
  transpose: callable,
};

/** A module, or a record of states. */
export type StatesSource = HasStates | States<AnyState>;

/** A tensor of the model, and how it is stored in the file. */
export interface Item {
  /** Its path in the model. */
  readonly path: string;
  /** The state that holds it. */
  readonly state: AnyState;
  /** Its value. */
  readonly value: tf.Tensor;
  /** Its name in the file. */
  readonly name: string;
  /** The order of its axes in the file; `null` if it is the same. */
  readonly axes: readonly number[] | null;
}

/** The tensors of a model; states without a tensor are left out. */
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

/** The current tensors as clones, which share memory and belong to the caller. */
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
