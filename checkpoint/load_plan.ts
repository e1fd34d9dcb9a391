/**
 * What loading a file would change, determined before anything changes.
 *
 * @module
 */
import type { ValueType } from "@std/msgpack";
import * as tf from "@tensorflow/tfjs-core";
import { scope } from "../memory.ts";
import { type AnyState, ShortTermState } from "../state.ts";
import type { Differences } from "./differences.ts";
import { CheckpointError } from "./format.ts";
import type { Header, PartEntry, TensorInfo } from "./header.ts";
import { classify, type Parts, type Resumable } from "./parts.ts";
import { fromValue, isRecord, join, kindOf } from "./tree.ts";

/** A tensor of the file, as a placeholder in plain data. */
export class TensorRef {
  /** Its number in the file. */
  readonly number: number;
  readonly #info: TensorInfo;

  /** Refer to tensor `number`. */
  constructor(number: number, info: TensorInfo) {
    this.number = number;
    this.#info = info;
  }

  /** Whether `x` has the same shape and dtype. */
  fits(x: tf.Tensor): boolean {
    const { dtype, shape } = this.#info;
    return x.dtype === dtype && tf.util.arraysEqual(x.shape, [...shape]);
  }

  /** Dtype and shape. */
  toString(): string {
    return `${this.#info.dtype} [${this.#info.shape}]`;
  }
}

/** A new value of a state. */
export interface StateChange {
  /** The state. */
  readonly state: AnyState;
  /** Plain data with {@linkcode TensorRef}s in it. */
  readonly value: unknown;
}

/** A new value of a part with `loadStateDict`. */
export interface DictChange {
  /** The name of the part. */
  readonly name: string;
  /** The part. */
  readonly part: Resumable;
  /** Plain data with {@linkcode TensorRef}s in it, and current tensors. */
  readonly value: unknown;
}

/** What loading a file would change. */
export interface LoadPlan extends Differences {
  /** The states to change. */
  readonly states: StateChange[];
  /** The parts with `loadStateDict` to change. */
  readonly dicts: DictChange[];
  /** The plain data of the file. */
  readonly data: Record<string, unknown>;
  /** The numbers of the tensors to load. */
  readonly wanted: Set<number>;
  /** Clones of current tensors in `dicts`. */
  readonly kept: tf.Tensor[];
}

/**
 * Compare a file with the parts to load.
 *
 * @param header The header of the file.
 * @param parts The parts to load.
 * @param kept A list to which tensors are added that must be freed afterwards.
 * @returns What loading would change.
 * @throws {CheckpointError} If the header contradicts itself.
 */
export function makePlan(
  header: Header,
  parts: Parts,
  kept: tf.Tensor[],
): LoadPlan {
  const plan: LoadPlan = {
    missing: [],
    unexpected: [],
    mismatched: [],
    states: [],
    dicts: [],
    data: {},
    wanted: new Set(),
    kept,
  };
  for (const [name, part] of Object.entries(parts)) {
    const target = classify(part, name);
    const entry = Object.hasOwn(header.parts, name)
      ? header.parts[name]!
      : undefined;
    if (target.kind === "data") plan.data[name] = target.data;
    if (!entry) {
      plan.missing.push(name);
    } else if (entry.kind !== target.kind) {
      plan.mismatched.push({
        path: name,
        found: NOUNS[entry.kind],
        expected: NOUNS[target.kind],
      });
    } else if (target.kind === "states") {
      planStates(plan, header, name, target.states, entry);
    } else if (target.kind === "dict") {
      planDict(plan, header, name, target.part, entry);
    } else {
      const value = refer(header, entry.value, name);
      if (fits(plan, name, target.data, value)) plan.data[name] = value;
    }
  }
  return plan;
}

const NOUNS = {
  states: "states",
  dict: "the state of an optimizer or the like",
  data: "plain data",
} as const;

/** The value with references to tensors. */
function refer(header: Header, value: ValueType, path: string): unknown {
  return fromValue(value, path, (number, path) => {
    const info = header.tensors[number];
    if (info) return new TensorRef(number, info);
    throw new CheckpointError(
      `Cannot read ${path}: the file has no tensor number ${number}`,
    );
  });
}

function planStates(
  plan: LoadPlan,
  header: Header,
  name: string,
  states: Readonly<Record<string, AnyState>>,
  entry: PartEntry,
) {
  const values = entry.value as Record<string, ValueType>;
  for (const path of Object.keys(values)) {
    if (!Object.hasOwn(states, path)) plan.unexpected.push(join(name, path));
  }
  for (const [path, state] of Object.entries(states)) {
    const fullPath = join(name, path);
    if (!Object.hasOwn(values, path)) {
      plan.missing.push(fullPath);
      continue;
    }
    const value = refer(header, values[path]!, fullPath);
    // Values of a single batch may have the shape of another batch.
    const anyShape = state instanceof ShortTermState;
    if (!anyShape && !fits(plan, fullPath, state.value, value)) continue;
    want(plan, value);
    plan.states.push({ state, value });
  }
}

function planDict(
  plan: LoadPlan,
  header: Header,
  name: string,
  part: Resumable,
  entry: PartEntry,
) {
  const file = refer(header, entry.value, name);
  const value = scope(() => fitTensors(plan, name, part.stateDict(), file));
  want(plan, value);
  plan.dicts.push({ name, part, value });
}

/** Add the tensors of a value to those to load. */
function want(plan: LoadPlan, value: unknown) {
  mapLeaves(value, (leaf) => {
    if (leaf instanceof TensorRef) plan.wanted.add(leaf.number);
    return leaf;
  });
}

/**
 * Whether `found` can replace `current`; if not, it is added to the mismatches.
 *
 * A record must have the current keys, with values of the same kinds, and may have
 * more. A list may have any length; its items must be of the same kinds as the
 * current ones, of which the last stands for all that follow. Anything can replace
 * `null`.
 */
function fits(
  plan: LoadPlan,
  path: string,
  current: unknown,
  found: unknown,
): boolean {
  if (current === null || current === undefined) return true;
  if (isRecord(current) && isRecord(found)) {
    return Object.keys(current).every((key) =>
      fits(
        plan,
        join(path, key),
        current[key],
        Object.hasOwn(found, key) ? found[key] : undefined,
      )
    );
  }
  if (Array.isArray(current) && Array.isArray(found)) {
    return current.length === 0 ||
      found.every((item, i) =>
        fits(
          plan,
          join(path, i),
          current[Math.min(i, current.length - 1)],
          item,
        )
      );
  }
  const same = current instanceof tf.Tensor
    ? found instanceof TensorRef && found.fits(current)
    : kindOf(current) === describe(found);
  if (!same) note(plan, path, current, found);
  return same;
}

/** The value in the file, with the current tensors where those do not fit. */
function fitTensors(
  plan: LoadPlan,
  path: string,
  current: unknown,
  found: unknown,
): unknown {
  if (current instanceof tf.Tensor && found instanceof TensorRef) {
    if (found.fits(current)) return found;
    note(plan, path, current, found);
    const clone = tf.keep(tf.clone(current));
    plan.kept.push(clone);
    return clone;
  }
  const pairs = Array.isArray(current) && Array.isArray(found) ||
    isRecord(current) && isRecord(found);
  if (!pairs) return found;
  const currents = current as Record<string, unknown>;
  return mapItems(
    found,
    (item, key) =>
      Object.hasOwn(currents, key)
        ? fitTensors(plan, join(path, key), currents[key], item)
        : item,
  );
}

function note(plan: LoadPlan, path: string, current: unknown, found: unknown) {
  plan.mismatched.push({
    path,
    found: describe(found),
    expected: kindOf(current),
  });
}

function describe(x: unknown): string {
  return x instanceof TensorRef ? `${x}` : kindOf(x);
}

/** Map the items of a list or record. */
function mapItems(
  x: readonly unknown[] | Record<string, unknown>,
  fn: (item: unknown, key: string) => unknown,
): unknown {
  if (Array.isArray(x)) return x.map((item, i) => fn(item, `${i}`));
  return Object.fromEntries(
    Object.entries(x).map(([key, item]) => [key, fn(item, key)]),
  );
}

/** Map everything in plain data that is neither a list nor a record. */
export function mapLeaves(
  x: unknown,
  fn: (leaf: unknown) => unknown,
): unknown {
  return Array.isArray(x) || isRecord(x)
    ? mapItems(x, (item) => mapLeaves(item, fn))
    : fn(x);
}
