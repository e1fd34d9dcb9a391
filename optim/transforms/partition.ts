/**
 * Different transformations for different parameters.
 *
 * @module
 */
import { Expr } from "../../backend/fusion/mod.ts";
import { callable, check, recordOf } from "../../internal/check.ts";
import { mapNamed, type Named, type Tensors } from "../../tensors.ts";
import { structured } from "./joint.ts";
import { mask as isMask, transformation } from "./options.ts";
import { mergeStates, select } from "./opt_state.ts";
import type { GradientTransformation } from "./transformation.ts";
import { type Mask, matches } from "./mask.ts";
import {
  elementwise,
  fromRules,
  traitsOfAll,
  withTraits,
} from "./elementwise.ts";
import type { CompleteRule } from "./rule.ts";
import { withSums } from "./with_sums.ts";

/** The transformation that changes nothing. */
export function identity(): GradientTransformation {
  return IDENTITY;
}

/** The transformation that makes all updates zero. */
export function setToZero(): GradientTransformation {
  return ZERO;
}

const IDENTITY = elementwise({
  update: ({ update }) => ({ update }),
});

const ZERO = elementwise({
  update: () => ({ update: Expr.constant(0) }),
});

/**
 * Apply to each parameter the transformation that its label names.
 *
 * A transformation of several parameters together, such as
 * {@linkcode clipByGlobalNorm} in one of `parts`, sees those of its own label.
 *
 * @example Usage
 * ```ts
 * import { optim } from "@braintape/braintape";
 *
 * const tx = optim.partition(
 *   (_path, shape) => shape.length > 1 ? "matrices" : "rest",
 *   { matrices: optim.lion({ lr: 1e-4 }), rest: optim.adamw({ lr: 1e-3 }) },
 * );
 * new optim.Optimizer({ tx });
 * ```
 *
 * @param label The label of a parameter, by its path and shape.
 * @param parts The transformation of each label.
 * @returns The transformation.
 * @throws {RangeError} From its functions, if a label has no transformation.
 */
export function partition(
  label: (path: string, shape: readonly number[]) => string,
  parts: Named<GradientTransformation>,
): GradientTransformation {
  const action = "create partition";
  check(action, "label", label, callable);
  check(action, "parts", parts, recordOf(transformation));
  const labelOf = (path: string, shape: readonly number[]): string => {
    const name = label(path, shape);
    if (Object.hasOwn(parts, name)) return name;
    throw new RangeError(
      `Cannot partition: the label of "${path}" must be one of ${
        Object.keys(parts).join(", ")
      }: current value is ${name}`,
    );
  };
  const traits = {
    ...traitsOfAll(Object.values(parts)),
    isUniform: false,
  };
  if (Object.values(parts).every(({ rule }) => rule)) {
    const scopes = mapNamed(parts, (_, name) => scopeTo(name));
    return fromRules((path, shape) => {
      const name = labelOf(path, shape);
      return scopes[name]!(parts[name]!.rule!(path, shape));
    }, traits);
  }
  return withTraits(divide(labelOf, parts), traits);
}

/** Gives each rule sums of its own, which no other label contributes to. */
function scopeTo(label: string): (rule: CompleteRule) => CompleteRule {
  const scoped = new WeakMap<CompleteRule, CompleteRule>();
  return (rule) => {
    let own = scoped.get(rule);
    if (!own) {
      const update = withSums(
        rule,
        (_, head, [x]) =>
          Expr.of({ ...head, scope: `${label}/${head.scope}` }, [x!]),
      );
      scoped.set(rule, own = { ...rule, update });
    }
    return own;
  };
}

/** Let each part update the parameters of its label. */
function divide(
  labelOf: (path: string, shape: readonly number[]) => string,
  parts: Named<GradientTransformation>,
): GradientTransformation {
  const divided = (params: Tensors) => {
    const paths = new Map<string, string[]>();
    for (const [path, { shape }] of Object.entries(params)) {
      const label = labelOf(path, shape), known = paths.get(label);
      if (known) known.push(path);
      else paths.set(label, [path]);
    }
    return [...paths].sort(([a], [b]) => a < b ? -1 : 1)
      .map(([label, paths]) => [parts[label]!, label, paths] as const);
  };
  return structured(
    { divide: divided },
    (params) =>
      mergeStates(
        ...divided(params).map(([part, , paths]) =>
          part.init(select(params, paths))
        ),
      ),
  );
}

/**
 * Apply `tx` to the parameters of `mask`, and leave the updates of the others as
 * they are.
 *
 * @param tx The transformation.
 * @param mask Which parameters.
 * @returns The transformation.
 */
export function masked(
  tx: GradientTransformation,
  mask: Mask,
): GradientTransformation {
  checkMasked("create masked", tx, mask);
  const label = (path: string, shape: readonly number[]) =>
    matches(mask, path, shape) ? "in" : "out";
  return partition(label, { in: tx, out: identity() });
}

/**
 * Make the updates of the parameters of `mask` zero: at the end of a chain, they
 * stay as they are.
 *
 * @param mask Which parameters.
 * @returns The transformation.
 */
export function freeze(mask: Mask): GradientTransformation {
  checkMasked("create freeze", ZERO, mask);
  return masked(ZERO, mask);
}

function checkMasked(action: string, tx: unknown, mask: unknown): void {
  check(action, "tx", tx, transformation);
  check(action, "mask", mask, isMask);
}
