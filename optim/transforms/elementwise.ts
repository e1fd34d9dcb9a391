/**
 * Elementwise transformations: the math of one element of a parameter, written once
 * for every backend.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  anything,
  callable,
  check,
  checkOptions,
  type OptionRules,
  recordOf,
  refuse,
} from "../../internal/check.ts";
import { Expr } from "../../backend/fusion/mod.ts";
import { mapNamed } from "../../tensors.ts";
import { updateByRules } from "./joint.ts";
import { sumsOverStep } from "./kernels.ts";
import { startState } from "./opt_state.ts";
import type { CompleteRule, ElementwiseRule, SlotStart } from "./rule.ts";
import type { GradientTransformation } from "./transformation.ts";

const RULES: OptionRules<ElementwiseRule> = {
  slots: recordOf(anything),
  scalars: recordOf(callable),
  update: callable,
};

/**
 * The transformation that applies `rule` to every element.
 *
 * It runs as one pass over memory, alone or together with its neighbours in a
 * {@linkcode chain}.
 *
 * @example A custom transformation
 * ```ts
 * import { optim, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * // The mean of all gradients so far.
 * const average = optim.elementwise({
 *   slots: { mean: 0 },
 *   scalars: { weight: ({ t }) => 1 / t },
 *   update({ update, mean }, { weight }) {
 *     mean = mean.lerp(update, weight);
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
 * @param rule The math of one element.
 * @returns The transformation.
 * @throws {RangeError} If a slot is called `update`, `param` or `next`.
 */
export function elementwise<
  const Slot extends string = never,
  const Scalar extends string = never,
>(rule: ElementwiseRule<Slot, Scalar>): GradientTransformation {
  checkOptions<ElementwiseRule>("create elementwise", rule as never, RULES);
  const { slots = {}, scalars = {}, update } = rule;
  check("create elementwise", "update", update, callable);
  for (const name of ["update", "param", "next"]) {
    if (!Object.hasOwn(slots, name)) continue;
    const action = "create elementwise";
    refuse(action, "a slot", "called other than update, param or next", name);
  }
  const complete = {
    slots,
    scalars,
    update: returning(["update", ...Object.keys(slots)], update),
  } as CompleteRule;
  const traits = {
    isUniform: true,
    get sumsOverStep() {
      return sumsOverStep(complete);
    },
  };
  return fromRules(() => complete, traits);
}

/** `update`, checked to return an expression for each of `names`. */
function returning(
  names: readonly string[],
  update: ElementwiseRule["update"],
): ElementwiseRule["update"] {
  return (x, s) => {
    const result = update(x, s);
    for (const name of names) {
      const value = (result as Partial<typeof result> | undefined)?.[name];
      if (value instanceof Expr) continue;
      const action = "record the rule of elementwise";
      const what = `what update returns as ${name}`;
      refuse(action, what, "an expression", value, TypeError);
    }
    return result;
  };
}

/** What is known of the rules of a transformation. */
export interface Traits {
  /** Whether the rules of all parameters compute the same expressions. */
  readonly isUniform: boolean;
  /** Whether it sums over all parameters of a step. */
  readonly sumsOverStep: boolean;
  /** Why its update cannot be replayed by `compile`, if it cannot. */
  readonly refusal?: string | undefined;
}

const TRAITS = Symbol("traits");

/** `tx`, of which something is known. */
export function withTraits(
  tx: GradientTransformation,
  traits: Traits,
): GradientTransformation {
  return { ...tx, [TRAITS]: traits } as GradientTransformation;
}

/** The traits of a transformation; one of which nothing is known may do anything. */
export function traitsOf(tx: GradientTransformation): Traits {
  const { [TRAITS]: traits } = tx as { [TRAITS]?: Traits };
  return traits ?? {
    isUniform: false,
    sumsOverStep: true,
    refusal:
      "its optimizer has a transformation that may compute in JavaScript",
  };
}

/** The traits of a transformation that consists of `parts`. */
export function traitsOfAll(parts: readonly GradientTransformation[]): Traits {
  const traits = parts.map(traitsOf);
  return {
    isUniform: traits.every(({ isUniform }) => isUniform),
    sumsOverStep: traits.some(({ sumsOverStep }) => sumsOverStep),
    refusal: traits.find(({ refusal }) => refusal)?.refusal,
  };
}

/** The transformation that applies to each parameter a rule of its own. */
export function fromRules(
  ruleOf: (path: string, shape: readonly number[]) => CompleteRule,
  traits: Traits,
): GradientTransformation {
  return withTraits({
    rule: ruleOf,

    init: (params) =>
      startState(params, (path, param) =>
        mapNamed(
          ruleOf(path, param.shape).slots,
          (start) => startOf(start, param),
        )),

    update: (updates, state, params, extra) =>
      updateByRules([{ ruleOf, updates, state, params, extra }])[0]!,
  }, traits);
}

function startOf(start: SlotStart, param: tf.Tensor): tf.Tensor {
  // Memory of its own, so that the first step can overwrite it and the parameter.
  if (start === "param") return tf.mul(param, 1);
  if (typeof start === "object") return tf.scalar(start.one);
  return tf.fill(param.shape, start);
}
