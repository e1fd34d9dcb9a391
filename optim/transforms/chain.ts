/**
 * {@linkcode chain}: one transformation after another.
 *
 * @module
 */
import { mapNamed } from "../../tensors.ts";
import type { Expr } from "../../backend/fusion/mod.ts";
import type { GradientTransformation } from "./transformation.ts";
import { fromRules } from "./elementwise.ts";
import type { CompleteRule, SlotStart, StepInfo } from "./rule.ts";
import { joinedState, joinStates } from "./opt_state.ts";

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
  const stages = fuseNeighbours(parts);
  const whole = stages.length === 1 ? stages[0]! : sequence(stages);
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
    if (part.rule && last?.[0]?.rule) last.push(part);
    else stages.push([part]);
  }
  if (stages.length === 0) stages.push([]);
  return stages.map((stage) => stage.length === 1 ? stage[0]! : fuse(stage));
}

function fuse(parts: readonly GradientTransformation[]) {
  // One object per combination: kernels are cached by rule.
  const fused: { rules: readonly CompleteRule[]; rule: CompleteRule }[] = [];
  return fromRules((path, shape) => {
    const rules = parts.map((part) => part.rule!(path, shape));
    let found = fused.find((f) => f.rules.every((r, i) => r === rules[i]));
    if (!found) fused.push(found = { rules, rule: compose(rules) });
    return found.rule;
  });
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
      const kept: Record<string, Expr> = {};
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
        mapNamed(part.slots, (name, own) => kept[name] = next[own]!);
      }
      return { ...kept, update };
    },
  };
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
  return {
    init: (params) => joinStates(parts.map((part) => part.init(params))),
    update(updates, state, params, extra) {
      const states = parts.map((part, i) => {
        const own = joinedState(state, i);
        const [next, nextState] = part.update(updates, own, params, extra);
        updates = next;
        return nextState;
      });
      return [updates, joinStates(states)];
    },
  };
}
