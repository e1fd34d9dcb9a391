/**
 * The kernels of elementwise rules, and what they run on.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import {
  Expr,
  type Extent,
  type Kernel,
  kernelOf,
  type Output,
  type Row,
  topological,
} from "../../backend/fusion/mod.ts";
import { OPEN, orOld } from "../../backend/gate.ts";
import { gate } from "../../internal/gate.ts";
import { recording } from "../../internal/recording.ts";
import { mapNamed, type Named, type Tensors } from "../../tensors.ts";
import type { CompleteRule, SlotStart, StepInfo } from "./rule.ts";
import type { OptState, Rate } from "./transformation.ts";

/** Rows and their paths, by kernel. */
export interface PathLaunch {
  /** The kernel. */
  readonly kernel: Kernel;
  /** Its inputs, for each parameter. */
  readonly rows: Row[];
  /** The path of each row. */
  readonly paths: string[];
}

/** One launch for each kernel, with all its rows. */
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

/** What replays compute the numbers of a parameter's step from. */
export interface LiveStep {
  /** The steps that the parameter has taken. */
  readonly steps: () => number;
  /** The rate of the next step. */
  readonly rate: () => Rate;
}

/** While the step of an optimizer is recorded: see {@linkcode LiveStep}, by path. */
export const liveSteps: { of: ((path: string) => LiveStep) | undefined } = {
  of: undefined,
};

/** The inputs of the kernel of `rule` at the next step of a parameter. */
export function rowOf(
  rule: CompleteRule,
  path: string,
  updates: Tensors,
  state: OptState,
  params: Tensors,
  rate?: Rate,
): Row {
  const param = params[path]!, { shape } = param;
  const inputs: Record<string, tf.Tensor> = { update: updates[path]!, param };
  for (const slot in rule.slots) inputs[slot] = state.slots[slot]![path]!;
  const info = infoOf(path, shape, state.steps[path]!, rate);
  return { inputs, shape, ...rowNumbers(rule.scalars, info) };
}

/** What the scalars of the next step of a parameter may depend on. */
export function infoOf(
  path: string,
  shape: readonly number[],
  steps: number,
  rate: Rate | undefined,
): StepInfo {
  const { lr, baseLr } = rate ?? {};
  return { t: steps + 1, lr, baseLr, path, shape };
}

/** The same, of a replay. */
export function infoNow(
  path: string,
  shape: readonly number[],
  { steps, rate }: LiveStep,
): StepInfo {
  return infoOf(path, shape, steps(), rate());
}

/** Tell what is recording that only steps of a parameter that are usual are replayed. */
export function onlyIf(
  path: string,
  shape: readonly number[],
  isUsual: (info: StepInfo) => boolean,
): void {
  const live = liveSteps.of?.(path);
  if (live) recording.now?.onlyIf(() => isUsual(infoNow(path, shape, live)));
}

/** The numbers of a row, from `scalars`, and those that replays compute. */
export function rowNumbers(
  scalars: CompleteRule["scalars"],
  info: StepInfo,
): Pick<Row, "scalars" | "live"> {
  const { path, shape } = info, live = liveSteps.of?.(path);
  const at = (info: StepInfo) => {
    const numbers: Record<string, number> = {};
    for (const name in scalars) numbers[name] = scalars[name]!(info);
    return numbers;
  };
  return {
    scalars: at(info),
    live: live && {
      scalars: () => at(infoNow(path, shape, live)),
      step: live.steps,
      rate: live.rate,
      group: isSameForAll(scalars) ? scalars : {},
    },
  };
}

/** Whether the scalars of a step are the same for all parameters. */
function isSameForAll(scalars: CompleteRule["scalars"]): boolean {
  let isAsked = false;
  const info: StepInfo = {
    t: 1,
    lr: 1,
    baseLr: 1,
    get path() {
      isAsked = true;
      return "";
    },
    get shape() {
      isAsked = true;
      return [];
    },
  };
  for (const name in scalars) scalars[name]!(info);
  return !isAsked;
}

function extentOf(start: SlotStart): Extent {
  return typeof start === "object" ? "one" : "each";
}

/** The expressions of what `rule` computes. */
function record(
  rule: CompleteRule,
): { update: Output; slots: Named<Output> } {
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
      { value: result[name]!, extent: extentOf(start), isSlot: true }
    )),
  };
}

/** A prefix of outputs that are new tensors rather than overwrite an input. */
export const FRESH = "next ";

function memoize<T extends object>(
  make: (rule: CompleteRule) => T,
): (r: CompleteRule) => T {
  const made = new WeakMap<CompleteRule, T>();
  return (rule) => {
    let value = made.get(rule);
    if (!value) made.set(rule, value = make(rule));
    return value;
  };
}

/** Whether `rule` sums over all parameters of a step. */
export function sumsOverStep(rule: CompleteRule): boolean {
  const outputs = Object.values(pureKernel(rule).outputs);
  return topological(outputs.map(({ value }) => value)).some(({ head }) =>
    head.kind === "sum" && head.over === "step"
  );
}

/** The kernel that computes what `rule` returns, as new tensors. */
export const pureKernel: (rule: CompleteRule) => Kernel = memoize((rule) => {
  const { update, slots } = record(rule);
  const outputs: Record<string, Output> = { [FRESH + "update"]: update };
  for (const [name, slot] of Object.entries(slots)) {
    outputs[FRESH + name] = slot;
  }
  return kernelOf(outputs);
});

/** The kernel that returns the update of `rule`, and overwrites its slots. */
export const slotKernel: (rule: CompleteRule) => Kernel = memoize((rule) => {
  const { update, slots } = record(rule);
  return kernelOf({ [FRESH + "update"]: update, ...slots });
});

function stepOutputs(rule: CompleteRule, param: string): Named<Output> {
  const { update, slots } = record(rule);
  const value = Expr.input("param").add(update.value);
  return { [param]: { value, extent: "each" }, ...slots };
}

/** The kernel that overwrites the slots and `param`. */
export const stepKernel: (rule: CompleteRule) => Kernel = memoize((rule) =>
  kernelOf(stepOutputs(rule, "param"))
);

const behindGates = new WeakMap<Kernel, Kernel>();

/** `kernel`, of which slots and parameters stay as they are unless its input `OPEN` is 1. */
function gatedKernel(kernel: Kernel): Kernel {
  let gated = behindGates.get(kernel);
  if (!gated) {
    gated = kernelOf(mapNamed(kernel.outputs, (output, name) => {
      if (name === FRESH + "update") return output; // added behind a gate
      const old = Expr.input(name === "next" ? "param" : name, output.extent);
      return { ...output, value: orOld(output.value, old) };
    }));
    behindGates.set(kernel, gated);
  }
  return gated;
}

/** A kernel and its row, which change nothing where the step turns out to be void. */
export function behindGate(kernel: Kernel, row: Row): readonly [Kernel, Row] {
  const { open } = gate;
  if (!open) return [kernel, row];
  const inputs = { ...row.inputs, [OPEN]: open };
  return [gatedKernel(kernel), { ...row, inputs }];
}

/** The kernel that overwrites the slots, and returns the new `param` as `next`. */
export const nextKernel: (rule: CompleteRule) => Kernel = memoize((rule) =>
  kernelOf(stepOutputs(rule, "next"))
);
