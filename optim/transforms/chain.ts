/**
 * {@linkcode chain}: one transformation after another.
 *
 * @module
 */
import { mapNamed, type Named, type Tensors } from "../../tensors.ts";
import type { Expr } from "../../backend/fusion/mod.ts";
import type { GradientTransformation, OptState } from "./transformation.ts";
import {
  fromRules,
  type Rule,
  type SlotStart,
  type StepInfo,
} from "./elementwise.ts";

/**
 * Apply `parts` in order.
 *
 * Neighbouring rules become one rule, which is one pass over memory; only what
 * is no rule (a line search, a factored average) stays apart.
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
  const runs = fuseRuns(parts);
  return runs.length === 1 ? runs[0]! : sequence(runs);
}

/** `parts` with each run of neighbouring rules as one. */
function fuseRuns(
  parts: readonly GradientTransformation[],
): GradientTransformation[] {
  const runs: GradientTransformation[][] = [];
  for (const part of parts) {
    const last = runs.at(-1);
    if (part.rule && last?.[0]?.rule) last.push(part);
    else runs.push([part]);
  }
  if (runs.length === 0) runs.push([]);
  return runs.map((run) => run.length === 1 ? run[0]! : fuse(run));
}

function fuse(parts: readonly GradientTransformation[]) {
  // One object per combination: kernels are kept by rule.
  const composed: { rules: readonly Rule[]; rule: Rule }[] = [];
  return fromRules((path, shape) => {
    const rules = parts.map((part) => part.rule!(path, shape));
    let found = composed.find((c) => c.rules.every((r, i) => r === rules[i]));
    if (!found) composed.push(found = { rules, rule: compose(rules) });
    return found.rule;
  });
}

/** The rule that applies `rules` one after another, as one rule. */
export function compose(rules: readonly Rule[]): Rule {
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

/** Apply `parts` one by one; the slots of part `i` are called `i.slot`. */
function sequence(
  parts: readonly GradientTransformation[],
): GradientTransformation {
  return {
    init: (params) => join(parts.map((part) => part.init(params))),
    update(updates, state, params, extra) {
      const states = parts.map((part, i) => {
        const own = { steps: state.steps, slots: slotsOf(state.slots, i) };
        const [next, nextState] = part.update(updates, own, params, extra);
        updates = next;
        return nextState;
      });
      return [updates, join(states)];
    },
  };
}

function slotsOf(slots: Named<Tensors>, i: number): Named<Tensors> {
  const prefix = `${i}.`;
  return Object.fromEntries(
    Object.entries(slots)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensors]) => [name.slice(prefix.length), tensors]),
  );
}

function join(states: readonly OptState[]): OptState {
  const slots: Record<string, Tensors> = {};
  states.forEach((state, i) => {
    mapNamed(state.slots, (tensors, name) => slots[`${i}.${name}`] = tensors);
  });
  return { steps: states[0]!.steps, slots };
}
