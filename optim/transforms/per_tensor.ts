/**
 * Transformations of whole tensors: what cannot be written element by element.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { Expr, kernelOf, runLaunches } from "../../backend/fusion/mod.ts";
import {
  callable,
  checkOptions,
  type OptionRules,
  recordOf,
} from "../../internal/check.ts";
import { own as ownValue } from "../../internal/own.ts";
import { recording } from "../../internal/recording.ts";
import { mapNamed, type Named, type Tensors } from "../../tensors.ts";
import { infoNow, infoOf, liveSteps, onlyIf, rowNumbers } from "./kernels.ts";
import type { GradientTransformation } from "./transformation.ts";
import { withTraits } from "./elementwise.ts";
import type { StepInfo } from "./rule.ts";
import { nextState, startState } from "./opt_state.ts";

/** The math of a transformation of whole tensors. */
export interface TensorRule {
  /** The slots of a parameter before the first step, by name. */
  init(param: tf.Tensor): Tensors;
  /**
   * Numbers of a step and parameter, computed on the host in float64: tensors in
   * `update`, so that replays have those of their own step.
   */
  readonly scalars?: Named<(info: StepInfo) => number> | undefined;
  /** The same, of as many numbers as the parameter has, whose shape the tensors have. */
  readonly numbers?: Named<(info: StepInfo) => Float32Array> | undefined;
  /**
   * Whether a step does what others do, so that it can be replayed. Default: all do, and
   * `update` must not look at the number of the step and the rate.
   */
  readonly isUsual?: ((info: StepInfo) => boolean) | undefined;
  /** The new update and slots, made of tfjs ops. */
  update(
    x: {
      readonly update: tf.Tensor;
      readonly param: tf.Tensor;
      readonly slots: Tensors;
      readonly scalars: Named<tf.Scalar>;
      readonly numbers: Named<tf.Tensor>;
    },
    info: StepInfo,
  ): { readonly update: tf.Tensor; readonly slots: Tensors };
}

const RULES: OptionRules<TensorRule> = {
  init: callable,
  scalars: recordOf(callable),
  numbers: recordOf(callable),
  isUsual: callable,
  update: callable,
};

/**
 * The transformation that applies `rule` to each parameter, one op at a time.
 *
 * {@linkcode elementwise} is faster, where it is possible.
 *
 * @param rule The math of one parameter.
 * @returns The transformation.
 */
export function perTensor(rule: TensorRule): GradientTransformation {
  checkOptions("create perTensor", rule, RULES);
  return withTraits({
    init: (params) => startState(params, (_, param) => rule.init(param)),

    update(updates, state, params, extra) {
      const next: Record<string, tf.Tensor> = {};
      const slots: Record<string, Tensors> = {};
      for (const [path, update] of Object.entries(updates)) {
        const param = params[path]!;
        const own: Record<string, tf.Tensor> = {};
        for (const slot in state.slots) {
          const x = ownValue(state.slots[slot]!, path);
          if (x) own[slot] = x;
        }
        const { shape } = param, rate = extra?.rates?.[path];
        const info = infoOf(path, shape, state.steps[path]!, rate);
        const { isUsual } = rule;
        if (isUsual) onlyIf(path, shape, isUsual);
        const result: Tensors = tf.tidy(() => {
          const [scalars, numbers] = [
            scalarsOf(rule, info),
            numbersOf(rule, info),
          ];
          const { update: u, slots } = rule.update(
            { update, param, slots: own, scalars, numbers },
            isUsual ? info : watched(info),
          );
          return { update: u, ...prefixed(slots) };
        });
        next[path] = result["update"]!;
        slots[path] = mapNamed(own, (_, slot) => result[`slot ${slot}`]!);
      }
      return [next, nextState(state, slots)];
    },
  }, { isUniform: false, sumsOverStep: false });
}

/** The scalars of `rule`, as tensors. */
function scalarsOf(
  { scalars = {} }: TensorRule,
  info: StepInfo,
): Record<string, tf.Scalar> {
  if (Object.keys(scalars).length === 0) return {};
  const kernel = kernelOf(mapNamed(
    scalars,
    (_, name) => ({ value: Expr.scalar(name), extent: "each" as const }),
  ));
  const row = { inputs: {}, shape: [], ...rowNumbers(scalars, info) };
  const [[tensors]] = runLaunches([{ kernel, rows: [row] }]) as [[Tensors]];
  return tensors as Record<string, tf.Scalar>;
}

/** The numbers of `rule`, as tensors. */
function numbersOf(
  { numbers = {} }: TensorRule,
  info: StepInfo,
): Record<string, tf.Tensor> {
  const { path, shape } = info, live = liveSteps.of?.(path);
  return mapNamed(numbers, (of) => {
    const x = tf.tensor(of(info), [...shape], "float32");
    if (live) recording.now?.numbers(x, () => of(infoNow(path, shape, live)));
    return x;
  });
}

/** `info`, of which a replay would have old numbers: they are computed with in JavaScript. */
function watched(info: StepInfo): StepInfo {
  const { now } = recording;
  if (!now) return info;
  const { t, lr, baseLr } = info;
  const seen = <T>(value: T, what: string) => ({
    enumerable: true,
    get(): T {
      if (value !== undefined) {
        now.refuse(`its optimizer computes with ${what} in JavaScript`);
      }
      return value;
    },
  });
  return Object.defineProperties({ ...info }, {
    t: seen(t, "the number of the step"),
    lr: seen(lr, "the learning rate"),
    baseLr: seen(baseLr, "the learning rate"),
  });
}

/** `slots` under names of their own, for the one record that `tf.tidy` returns. */
function prefixed(slots: Tensors): Record<string, tf.Tensor> {
  const entries = Object.entries(slots).map(([slot, x]) => [`slot ${slot}`, x]);
  return Object.fromEntries(entries);
}
