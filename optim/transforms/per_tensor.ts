/**
 * Transformations of whole tensors: what cannot be written element by element.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensors } from "../../tensors.ts";
import type { GradientTransformation } from "./transformation.ts";
import type { StepInfo } from "./elementwise.ts";

/** The math of a transformation that treats each parameter by itself. */
export interface TensorRule {
  /** What is kept of a parameter between steps, at first. */
  init(param: tf.Tensor): Tensors;
  /** The new update and slots, made of tfjs ops. */
  update(
    x: {
      readonly update: tf.Tensor;
      readonly param: tf.Tensor;
      readonly slots: Tensors;
    },
    info: StepInfo,
  ): { readonly update: tf.Tensor; readonly slots: Tensors };
}

/**
 * The transformation that applies `rule` to each parameter, one op at a time.
 *
 * {@linkcode elementwise} is faster, where it will do.
 *
 * @param rule What happens to a parameter.
 * @returns The transformation.
 */
export function perTensor(rule: TensorRule): GradientTransformation {
  return {
    init(params) {
      const slots: Record<string, Record<string, tf.Tensor>> = {};
      const steps: Record<string, number> = {};
      for (const [path, param] of Object.entries(params)) {
        steps[path] = 0;
        for (const [slot, x] of Object.entries(rule.init(param))) {
          (slots[slot] ??= {})[path] = x;
        }
      }
      return { steps, slots };
    },

    update(updates, state, params, extra) {
      const steps = { ...state.steps };
      const next: Record<string, tf.Tensor> = {};
      const slots: Record<string, Record<string, tf.Tensor>> = {};
      for (const slot in state.slots) slots[slot] = { ...state.slots[slot] };
      for (const [path, update] of Object.entries(updates)) {
        const param = params[path]!, t = steps[path]! + 1;
        const own: Record<string, tf.Tensor> = {};
        for (const slot in slots) {
          if (slots[slot]![path]) own[slot] = slots[slot]![path]!;
        }
        const info: StepInfo = {
          t,
          lr: extra?.rates?.[path]?.lr,
          baseLr: extra?.rates?.[path]?.baseLr,
          path,
          shape: param.shape,
        };
        const result: Tensors = tf.tidy(() => {
          const { update: u, slots } = rule.update(
            { update, param, slots: own },
            info,
          );
          return { update: u, ...prefixed(slots) };
        });
        steps[path] = t;
        next[path] = result["update"]!;
        for (const slot in own) slots[slot]![path] = result[`slot ${slot}`]!;
      }
      return [next, { steps, slots }];
    },
  };
}

/** As `tf.tidy` returns them: in one flat record. */
function prefixed(slots: Tensors): Record<string, tf.Tensor> {
  const entries = Object.entries(slots).map(([slot, x]) => [`slot ${slot}`, x]);
  return Object.fromEntries(entries);
}
