/**
 * Elementwise transformations: the math of one element of a parameter, written once
 * for every backend.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { runLaunches } from "../../backend/fusion/mod.ts";
import { refuse } from "../../check.ts";
import { fromNames, mapNamed, type Tensors } from "../../tensors.ts";
import { byKernel, FRESH, pureKernel, rowOf } from "./kernels.ts";
import { nextState, startState } from "./opt_state.ts";
import type { CompleteRule, ElementwiseRule, SlotStart } from "./rule.ts";
import type { GradientTransformation } from "./transformation.ts";

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
  const { slots = {}, scalars = {}, update } = rule;
  for (const name of ["update", "param", "next"]) {
    if (!Object.hasOwn(slots, name)) continue;
    const action = "create elementwise";
    refuse(action, "a slot", "called other than update, param or next", name);
  }
  const complete = { slots, scalars, update } as CompleteRule;
  return fromRules(() => complete);
}

/** The transformation that applies to each parameter a rule of its own. */
export function fromRules(
  ruleOf: (path: string, shape: readonly number[]) => CompleteRule,
): GradientTransformation {
  return {
    rule: ruleOf,

    init: (params) =>
      startState(params, (path, param) =>
        mapNamed(
          ruleOf(path, param.shape).slots,
          (start) => startOf(start, param),
        )),

    update(updates, state, params, extra) {
      const paths = Object.keys(updates), rates = extra?.rates;
      const launches = byKernel(paths, (path) => {
        const rule = ruleOf(path, params[path]!.shape);
        const rate = rates?.[path];
        return [
          pureKernel(rule),
          rowOf(rule, path, updates, state, params, rate),
        ];
      });
      const outputs = runLaunches(launches);
      const next: Record<string, Tensors> = {};
      const slots: Record<string, Tensors> = {};
      launches.forEach(({ paths }, k) => {
        paths.forEach((path, i) => {
          const fresh = Object.entries(outputs[k]![i]!);
          next[path] = Object.fromEntries(
            fresh.map(([name, x]) => [name.slice(FRESH.length), x]),
          );
          const { update: _, ...own } = next[path];
          slots[path] = own;
        });
      });
      return [
        fromNames(paths, (path) => next[path]!["update"]!),
        nextState(state, slots),
      ];
    },
  };
}

function startOf(start: SlotStart, param: tf.Tensor): tf.Tensor {
  if (start === "param") return tf.clone(param);
  if (typeof start === "object") return tf.scalar(start.one);
  return tf.fill(param.shape, start);
}
