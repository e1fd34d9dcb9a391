/**
 * Rules: what happens at one element of a parameter, written once for every
 * backend.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  Expr,
  type Extent,
  type Kernel,
  kernelOf,
  type Output,
  type Row,
  runLaunches,
} from "../../backend/fusion/mod.ts";
import {
  fromNames,
  mapNamed,
  type Named,
  type Tensors,
} from "../../tensors.ts";
import type {
  GradientTransformation,
  OptState,
  Rate,
} from "./transformation.ts";

/** What the numbers of a step may depend on. */
export interface StepInfo {
  /** Which step of this parameter it is; 1 at the first. */
  readonly t: number;
  /** The rate of the optimizer, if there is one. */
  readonly lr: number | undefined;
  /** The rate that the schedule of the optimizer started from. */
  readonly baseLr: number | undefined;
  /** The path of the parameter. */
  readonly path: string;
  /** The shape of the parameter. */
  readonly shape: readonly number[];
}

/**
 * What a tensor kept between steps holds at first: a number at each element,
 * the parameter's values, or a single number for the whole parameter.
 */
export type SlotStart = number | "param" | { readonly one: number };

/**
 * The math of an elementwise transformation.
 *
 * @typeParam Slot Names of the tensors kept between steps.
 * @typeParam Scalar Names of the numbers that change with the step.
 */
export interface Rule<
  Slot extends string = string,
  Scalar extends string = string,
> {
  /** What is kept between steps, and what it is at first. */
  readonly slots: Readonly<Record<Slot, SlotStart>>;
  /** Numbers of a step and parameter, computed on the host in float64. */
  readonly scalars: Readonly<Record<Scalar, (info: StepInfo) => number>>;
  /** The new update and slots, at one element. */
  update(
    x: { readonly update: Expr; readonly param: Expr } & Record<Slot, Expr>,
    s: Readonly<Record<Scalar, Expr>>,
  ): { readonly update: Expr } & Readonly<Record<NoInfer<Slot>, Expr>>;
}

/**
 * The transformation that applies `rule` to every element.
 *
 * It runs as one pass over memory, alone or together with its neighbours in a
 * {@linkcode chain}.
 *
 * @example A transformation of one's own
 * ```ts
 * import { optim, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * // The mean of all gradients so far.
 * const average = optim.elementwise({
 *   slots: { mean: 0 },
 *   scalars: { share: ({ t }) => 1 / t },
 *   update({ update, mean }, { share }) {
 *     mean = mean.lerp(update, share);
 *     return { update: mean, mean };
 *   },
 * });
 * const params = { w: tf.scalar(0) };
 * let state = average.init(params);
 * let updates: Record<string, tf.Tensor> = {};
 * for (const g of [1, 2, 6]) {
 *   [updates, state] = average.update({ w: tf.scalar(g) }, state, params);
 * }
 * assertEquals([...await updates.w!.data()], [3]);
 * ```
 *
 * @param rule What happens at one element.
 * @returns The transformation.
 * @throws {RangeError} If a slot is called `update`, `param` or `next`.
 */
export function elementwise<
  const Slot extends string = never,
  const Scalar extends string = never,
>(rule: Rule<Slot, Scalar>): GradientTransformation {
  for (const name of ["update", "param", "next"]) {
    if (!Object.hasOwn(rule.slots, name)) continue;
    throw new RangeError(
      `Cannot make a transformation: a slot must not be called update, param or next: current value is ${name}`,
    );
  }
  return fromRules(() => rule);
}

/** The transformation that applies to each parameter a rule of its own. */
export function fromRules(
  ruleOf: (path: string, shape: readonly number[]) => Rule,
): GradientTransformation {
  return {
    rule: ruleOf,

    init(params) {
      const slots: Record<string, Record<string, tf.Tensor>> = {};
      for (const [path, param] of Object.entries(params)) {
        const starts = ruleOf(path, param.shape).slots;
        for (const [slot, start] of Object.entries(starts)) {
          (slots[slot] ??= {})[path] = startOf(start, param);
        }
      }
      return { steps: mapNamed(params, () => 0), slots };
    },

    update(updates, state, params, extra) {
      const paths = Object.keys(updates);
      const launches = byKernel(paths, (path) => {
        const rule = ruleOf(path, params[path]!.shape);
        const row = rowOf(
          rule,
          path,
          updates,
          state,
          params,
          extra?.rates?.[path],
        );
        return [pureKernel(rule), row];
      });
      const outputs = runLaunches(launches);
      const next: Record<string, Tensors> = {};
      launches.forEach(({ paths }, k) => {
        paths.forEach((path, i) => next[path] = outputs[k]![i]!);
      });
      const steps = { ...state.steps };
      for (const path of paths) steps[path] = steps[path]! + 1;
      return [
        fromNames(paths, (path) => next[path]![FRESH + "update"]!),
        {
          steps,
          slots: mapNamed(
            state.slots,
            (slots, slot) =>
              mapNamed(slots, (old, path) => next[path]?.[FRESH + slot] ?? old),
          ),
        },
      ];
    },
  };
}

function startOf(start: SlotStart, param: tf.Tensor): tf.Tensor {
  if (start === "param") return tf.clone(param);
  if (typeof start === "object") return tf.scalar(start.one);
  return tf.fill(param.shape, start);
}

/** Rows and their paths, by kernel. */
export interface PathLaunch {
  /** The kernel. */
  readonly kernel: Kernel;
  /** What it runs on. */
  readonly rows: Row[];
  /** The path of each row. */
  readonly paths: string[];
}

/** Put the rows of equal kernels together. */
export function byKernel(
  paths: readonly string[],
  rowOf: (path: string) => readonly [Kernel, Row],
): PathLaunch[] {
  const launches = new Map<Kernel, PathLaunch>();
  for (const path of paths) {
    const [kernel, row] = rowOf(path);
    let launch = launches.get(kernel);
    if (!launch) {
      launches.set(kernel, launch = { kernel, rows: [], paths: [] });
    }
    launch.rows.push(row);
    launch.paths.push(path);
  }
  return [...launches.values()];
}

/** What the kernel of `rule` reads at the next step of a parameter. */
export function rowOf(
  rule: Rule,
  path: string,
  updates: Tensors,
  state: OptState,
  params: Tensors,
  rate?: Rate,
): Row {
  const param = params[path]!, { shape } = param;
  const inputs: Record<string, tf.Tensor> = { update: updates[path]!, param };
  for (const slot in rule.slots) inputs[slot] = state.slots[slot]![path]!;
  const info: StepInfo = {
    t: state.steps[path]! + 1,
    lr: rate?.lr,
    baseLr: rate?.baseLr,
    path,
    shape,
  };
  const scalars: Record<string, number> = {};
  for (const name in rule.scalars) scalars[name] = rule.scalars[name]!(info);
  return { inputs, scalars, shape };
}

function extentOf(start: SlotStart): Extent {
  return typeof start === "object" ? "one" : "each";
}

/** What `rule` makes of its inputs. */
function record(rule: Rule): { update: Output; slots: Named<Output> } {
  const slots = mapNamed(
    rule.slots,
    (start, name) => Expr.input(name, extentOf(start)),
  );
  const result = rule.update(
    { ...slots, update: Expr.input("update"), param: Expr.input("param") },
    mapNamed(rule.scalars, (_, name) => Expr.scalar(name)),
  );
  return {
    update: { value: result.update, extent: "each" },
    slots: mapNamed(rule.slots, (start, name) => (
      { value: result[name]!, extent: extentOf(start) }
    )),
  };
}

/** What the names of outputs begin with that overwrite nothing. */
const FRESH = "next ";

function memoize<T extends object>(make: (rule: Rule) => T): (r: Rule) => T {
  const made = new WeakMap<Rule, T>();
  return (rule) => {
    let value = made.get(rule);
    if (!value) made.set(rule, value = make(rule));
    return value;
  };
}

/** The kernel that computes what `rule` returns, as new tensors. */
export const pureKernel: (rule: Rule) => Kernel = memoize((rule) => {
  const { update, slots } = record(rule);
  const outputs: Record<string, Output> = { [FRESH + "update"]: update };
  for (const [name, slot] of Object.entries(slots)) {
    outputs[FRESH + name] = slot;
  }
  return kernelOf(outputs);
});

function stepOutputs(rule: Rule, param: string): Named<Output> {
  const { update, slots } = record(rule);
  const value = Expr.input("param").add(update.value);
  return { [param]: { value, extent: "each" }, ...slots };
}

/** The kernel that overwrites the slots and `param`. */
export const stepKernel: (rule: Rule) => Kernel = memoize((rule) =>
  kernelOf(stepOutputs(rule, "param"))
);

/** The kernel that overwrites the slots, and returns the new `param` as `next`. */
export const nextKernel: (rule: Rule) => Kernel = memoize((rule) =>
  kernelOf(stepOutputs(rule, "next"))
);
