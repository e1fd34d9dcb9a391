/**
 * Elementwise transformations around others.
 *
 * @module
 */
import type { Named } from "../../tensors.ts";
import { fromRules, type Traits, traitsOf } from "./elementwise.ts";
import type { CompleteRule, StepInfo } from "./rule.ts";
import type { GradientTransformation } from "./transformation.ts";

/**
 * The transformation of the rules that `around` makes of those of `tx`, which must have
 * some.
 *
 * @param traits What is otherwise known of them than of those of `tx`.
 */
export function aroundRules(
  tx: GradientTransformation,
  around: (rule: CompleteRule) => CompleteRule,
  traits: Partial<Traits> = {},
): GradientTransformation {
  // One object per rule: kernels are cached by rule.
  const made = new WeakMap<CompleteRule, CompleteRule>();
  const { isUniform, sumsOverStep } = { ...traitsOf(tx), ...traits };
  const whole = fromRules((path, shape) => {
    const rule = tx.rule!(path, shape);
    let own = made.get(rule);
    if (!own) made.set(rule, own = around(rule));
    return own;
  }, { isUniform, sumsOverStep });
  return { ...whole, defaultLr: tx.defaultLr };
}

/** `name`, or where that is taken, `name_2`, `name_3`, ... */
export function freeName(name: string, taken: Named<unknown>): string {
  let free = name;
  for (let i = 2; free in taken; i++) free = `${name}_${i}`;
  return free;
}

/** `info` of another step, without a look at the parameter. */
export function atStep(info: StepInfo, t: number): StepInfo {
  return Object.create(info, { t: { value: t } });
}
