/**
 * {@linkcode chain}: one transformation after another.
 *
 * @module
 */
import { check, listOf } from "../../internal/check.ts";
import { mapNamed } from "../../tensors.ts";
import { type Expr, topological } from "../../backend/fusion/mod.ts";
import type { GradientTransformation } from "./transformation.ts";
import { fromRules, traitsOf, traitsOfAll, withTraits } from "./elementwise.ts";
import type { CompleteRule, SlotStart, StepInfo } from "./rule.ts";
import { structured } from "./joint.ts";
import { transformation } from "./options.ts";
import { joinStates } from "./opt_state.ts";

/**
 * Apply `parts` in order.
 *
 * Neighbouring elementwise transformations become one, which is one pass over
 * memory.
 *
 * @example Usage
 * ```ts
 * import { optim } from "@braintape/braintape";
 *
 * const adamw = optim.chain(
 *   optim.clipByGlobalNorm(1),
 *   optim.scaleByAdam({ betas: [0.9, 0.95] }),
 *   optim.addDecayedWeights(0.1, (_path, shape) => shape.length > 1),
 *   optim.scaleByLearningRate(3e-4),
 * );
 * new optim.Optimizer({ tx: adamw });
 * ```
 *
 * @param parts What to apply.
 * @returns The transformation.
 */
export function chain(
  ...parts: readonly GradientTransformation[]
): GradientTransformation {
  check("create chain", "parts", parts, listOf(transformation));
  const stages = fuseNeighbours(parts);
  const whole = stages.length === 1
    ? stages[0]!
    : withTraits(sequence(stages), traitsOfAll(stages));
  const { defaultLr } = parts.findLast((part) => part.defaultLr) ?? {};
  return { ...whole, defaultLr };
}

/** `parts` with each group of neighbouring rules as one. */
function fuseNeighbours(
  parts: readonly GradientTransformation[],
): GradientTransformation[] {
  const stages: GradientTransformation[][] = [];
  for (const part of parts) {
    const last = stages.at(-1);
    if (last && canFuse(last, part)) last.push(part);
    else stages.push([part]);
  }
  if (stages.length === 0) stages.push([]);
  return stages.map((stage) => stage.length === 1 ? stage[0]! : fuse(stage));
}

/**
 * A sum over all parameters is one sum only of what is the same expression for all of
 * them: after parts that differ by parameter, it is a stage of its own.
 */
function canFuse(
  stage: readonly GradientTransformation[],
  part: GradientTransformation,
): boolean {
  if (!part.rule || !stage[0]!.rule) return false;
  return !traitsOf(part).sumsOverStep ||
    stage.every((earlier) => traitsOf(earlier).isUniform);
}

function fuse(parts: readonly GradientTransformation[]) {
  // One object per combination: kernels are cached by rule.
  const fused: { rules: readonly CompleteRule[]; rule: CompleteRule }[] = [];
  return fromRules((path, shape) => {
    const rules = parts.map((part) => part.rule!(path, shape));
    let found = fused.find((f) => f.rules.every((r, i) => r === rules[i]));
    if (!found) fused.push(found = { rules, rule: compose(rules) });
    return found.rule;
  }, traitsOfAll(parts));
}

/** The rule that applies `rules` one after another, as one rule. */
export function compose(rules: readonly CompleteRule[]): CompleteRule {
  const slots: Record<string, SlotStart> = {};
  const scalars: Record<string, (info: StepInfo) => number> = {};
  const parts = rules.map((rule) => ({
    rule,
    slots: mapNamed(rule.slots, (x, name) => insert(slots, name, x)),
    scalars: mapNamed(rule.scalars, (x, name) => insert(scalars, name, x)),
  }));
  return {
    slots,
    scalars,
    update(x, s) {
      let update = x.update;
      const kept: Record<string, Expr> = {}, sums = new Set<Expr>();
      for (const part of parts) {
        const next = part.rule.update(
          {
            ...mapNamed(part.slots, (name) => x[name]!),
            update,
            param: x.param,
          },
          mapNamed(part.scalars, (name) => s[name]!),
        );
        update = next.update;
        for (const sum of stepSums([update])) sums.add(sum);
        mapNamed(part.slots, (name, own) => kept[name] = next[own]!);
      }
      // A sum over all parameters counts this one, even if a later part drops it.
      const used = stepSums([update, ...Object.values(kept)]);
      for (const sum of sums) {
        if (!used.includes(sum)) update = sum.select(update, update);
      }
      return { ...kept, update };
    },
  };
}

/** The sums over all parameters in some expressions. */
function stepSums(roots: readonly Expr[]): Expr[] {
  return topological(roots).filter(({ head }) =>
    head.kind === "sum" && head.over === "step"
  );
}

/** Put `value` under `name`, or where that is taken, `name_2`, `name_3`, ... */
function insert<T>(target: Record<string, T>, name: string, value: T): string {
  let unique = name;
  for (let i = 2; unique in target; i++) unique = `${name}_${i}`;
  target[unique] = value;
  return unique;
}

/** Apply `parts` one by one. */
function sequence(
  parts: readonly GradientTransformation[],
): GradientTransformation {
  return structured(
    { sequence: parts },
    (params) => joinStates(parts.map((part) => part.init(params))),
  );
}
