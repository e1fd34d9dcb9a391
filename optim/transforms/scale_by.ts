/**
 * Updates times a factor for each parameter.
 *
 * @module
 */
import { fromRules } from "./elementwise.ts";
import type { CompleteRule } from "./rule.ts";
import type { GradientTransformation } from "./transformation.ts";

/** Multiply the updates of each parameter by what `factorOf` says. */
export function scaleBy(
  factorOf: (path: string, shape: readonly number[]) => number,
): GradientTransformation {
  // A rule for each factor: parameters with the same rule share its numbers.
  const rules = new Map<number, CompleteRule>();
  return fromRules((path, shape) => {
    const factor = factorOf(path, shape);
    let rule = rules.get(factor);
    if (!rule) rules.set(factor, rule = times(factor));
    return rule;
  }, { isUniform: true, sumsOverStep: false });
}

function times(factor: number): CompleteRule {
  return {
    slots: {},
    scalars: { factor: () => factor },
    update: ({ update }, { factor }) => ({ update: update.mul(factor!) }),
  };
}
