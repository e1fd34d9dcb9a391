/**
 * The tensors of a model, and where they are in a safetensors file.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  callable,
  either,
  type OptionRules,
  recordOf,
  refuse,
  rule,
  string,
} from "../internal/check.ts";
import type { AnyState, States } from "../state.ts";
import type { Named } from "../tensors.ts";
import { inverse } from "./axes.ts";
import { ARRAYS, isSavedType } from "./header.ts";
import { classify, type HasStates } from "./parts.ts";
import { Stored, stored } from "./stored.ts";
import type { StoredBox } from "./stored_box.ts";
import { isRecord } from "./tree.ts";

/**
 * Where the value of each state is in the file: a record by path, or a function of the
 * path and the shape. A string is a name in the file; a {@linkcode Stored} is a part of
 * a tensor, several tensors joined, a sum, or any of these transposed. A path without
 * one is its own name.
 */
export type StoredMap =
  | Named<string | Stored>
  | ((
    path: string,
    shape: readonly number[],
  ) => string | Stored | undefined);

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
  /**
   * Where the value of each state is in the file, for layouts that names and orders of
   * axes cannot tell; instead of `rename` and `transpose`. Default: none.
   */
  readonly map?: StoredMap;
}

/** The rules of {@linkcode SafetensorsOptions}. */
export const SAFETENSORS_RULES: OptionRules<SafetensorsOptions> = {
  rename: either(callable, recordOf(string)),
  transpose: callable,
  map: either(
    callable,
    recordOf(
      rule(
        "a string or a Stored",
        (x) => typeof x === "string" || x instanceof Stored,
      ),
    ),
  ),
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
  /** The boxes that it has in common with tensors in the file. */
  readonly boxes: readonly StoredBox[];
}

/** The tensors of a model; states without a tensor are left out. */
export function itemsOf(
  model: StatesSource,
  options: SafetensorsOptions,
): Item[] {
  const found = classify(model, "the model");
  if (found.kind !== "states") {
    // A record without states has no tensors either.
    if (isRecord(model) && Object.keys(model).length === 0) return [];
    throw new TypeError(
      "Cannot use safetensors: the model must be a module or a record of states",
    );
  }
  for (const name of ["rename", "map"] as const) {
    checkPaths(name, options[name], found.states);
  }
  const map = options.map === undefined
    ? renamed(options)
    : mapped(options.map, options);
  const items: Item[] = [];
  for (const [path, state] of Object.entries(found.states)) {
    const { value } = state;
    if (!(value instanceof tf.Tensor)) continue;
    items.push({ path, state, value, boxes: blocksOf(map, path, value) });
  }
  return items;
}

/** Throw unless all that a record names are paths of the model. */
function checkPaths(
  name: string,
  given: unknown,
  states: States<AnyState>,
): void {
  const paths = isRecord(given) ? Object.keys(given) : [];
  const other = paths.find((path) => !Object.hasOwn(states, path));
  if (other === undefined) return;
  refuse("use safetensors", `the keys of ${name}`, "paths of the model", other);
}

/** What `rename` and `transpose` say. */
function renamed(
  { rename = {}, transpose = () => false }: SafetensorsOptions,
): (path: string, shape: readonly number[]) => Stored {
  const nameOf = typeof rename === "function"
    ? rename
    : (path: string) => Object.hasOwn(rename, path) ? rename[path]! : path;
  return (path, shape) => {
    const axes = axesOf(path, shape, transpose(path, shape));
    const whole = stored(nameOf(path));
    return axes ? whole.transposed(inverse(axes)) : whole;
  };
}

/** What `map` says. */
function mapped(
  map: StoredMap,
  { rename, transpose }: SafetensorsOptions,
): (path: string, shape: readonly number[]) => Stored {
  for (const [name, given] of Object.entries({ rename, transpose })) {
    if (given !== undefined) {
      throw new TypeError(
        `Cannot use safetensors: ${name} and map must not both be given: map says what ${name} does`,
      );
    }
  }
  const find = typeof map === "function"
    ? map
    : (path: string) => Object.hasOwn(map, path) ? map[path] : undefined;
  return (path, shape) => {
    const place: unknown = find(path, shape) ?? path;
    if (place instanceof Stored) return place;
    if (typeof place === "string") return stored(place);
    const is = `a string or a Stored for ${path}`;
    return refuse("use safetensors", "map", is, place, TypeError);
  };
}

function blocksOf(
  map: (path: string, shape: readonly number[]) => Stored,
  path: string,
  value: tf.Tensor,
): StoredBox[] {
  const place = map(path, value.shape);
  let boxes: StoredBox[];
  try {
    boxes = place.boxes(value.shape);
  } catch (error) {
    if (error instanceof Error) error.message += ` (of ${path})`;
    throw error;
  }
  if (boxes.some(({ name }) => name === "__metadata__")) {
    refuseName(path, "__metadata__");
  }
  checkNumbers(path, value.dtype, boxes);
  return boxes;
}

/** Throws if a state could not hold what is computed from the file. */
function checkNumbers(
  path: string,
  dtype: tf.DataType,
  boxes: readonly StoredBox[],
): void {
  const refuseType = (is: string) =>
    refuse("use safetensors", `the dtype of ${path}`, is, dtype, TypeError);
  const isComputed = ({ sign, plus, term }: StoredBox) =>
    sign !== 1 || plus !== 0 || term !== "only";
  if (dtype === "bool" && boxes.some(isComputed)) {
    refuseType("float32 or int32 for sums, plus() and negated()");
  }
  const fraction = boxes.find(({ plus }) => !Number.isInteger(plus));
  if (dtype === "int32" && fraction) {
    refuseType(`float32 for plus() with ${Math.abs(fraction.plus)}`);
  }
}

/** Throws that `name` is taken. */
export function refuseName(path: string, name: string): never {
  throw new RangeError(
    `Cannot use safetensors: the name of ${path} must be no other's: current name is ${name}`,
  );
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
    .map((item) => ({ ...item, value: tf.keep(tf.clone(item.value)) }));
}
