/**
 * Different transformations for different parameters.
 *
 * @module
 */
import { Expr, rewrite } from "../../backend/fusion/mod.ts";
import {
  fromNames,
  mapNamed,
  type Named,
  type Tensors,
} from "../../tensors.ts";
import type { GradientTransformation, OptState } from "./transformation.ts";
import { type Mask, matches } from "./mask.ts";
import { elementwise, fromRules, type Rule } from "./elementwise.ts";

/** The transformation that changes nothing. */
export function identity(): GradientTransformation {
  return IDENTITY;
}

/** The transformation that makes all updates zero. */
export function setToZero(): GradientTransformation {
  return ZERO;
}

const IDENTITY = elementwise({
  slots: {},
  scalars: {},
  update: ({ update }) => ({ update }),
});

const ZERO = elementwise({
  slots: {},
  scalars: {},
  update: () => ({ update: Expr.constant(0) }),
});

/**
 * Treat each parameter by the transformation that its label names.
 *
 * What looks at several parameters, such as {@linkcode clipByGlobalNorm}, sees
 * those of its own label.
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
  const labelOf = (path: string, shape: readonly number[]): string => {
    const name = label(path, shape);
    if (Object.hasOwn(parts, name)) return name;
    throw new RangeError(
      `Cannot partition: the label of "${path}" must be one of ${
        Object.keys(parts).join(", ")
      }: current value is ${name}`,
    );
  };
  if (Object.values(parts).every(({ rule }) => rule)) {
    const scopes = mapNamed(parts, (_, name) => scopeTo(name));
    return fromRules((path, shape) => {
      const name = labelOf(path, shape);
      return scopes[name]!(parts[name]!.rule!(path, shape));
    });
  }
  return divide(labelOf, parts);
}

/** Gives each rule sums of its own, which no other label contributes to. */
function scopeTo(label: string): (rule: Rule) => Rule {
  const scoped = new WeakMap<Rule, Rule>();
  return (rule) => {
    let own = scoped.get(rule);
    if (!own) {
      scoped.set(rule, own = { ...rule, update: withScope(rule, label) });
    }
    return own;
  };
}

function withScope(rule: Rule, label: string): Rule["update"] {
  return (x, s) => {
    const outputs = rule.update(x, s), names = Object.keys(outputs);
    const values = rewrite(
      names.map((name) => outputs[name]!),
      (head, args) =>
        head.kind === "sum" && head.over === "step"
          ? Expr.of({ ...head, scope: `${label}/${head.scope}` }, args)
          : Expr.of(head, args),
    );
    const byName = Object.fromEntries(
      names.map((name, i) => [name, values[i]!]),
    );
    return { ...byName, update: byName["update"]! };
  };
}

/** Let each part update the parameters of its label. */
function divide(
  labelOf: (path: string, shape: readonly number[]) => string,
  parts: Named<GradientTransformation>,
): GradientTransformation {
  const pathsOf = (params: Tensors) => {
    const paths: Record<string, string[]> = {};
    for (const [path, { shape }] of Object.entries(params)) {
      (paths[labelOf(path, shape)] ??= []).push(path);
    }
    return paths;
  };
  return {
    init(params) {
      const states = Object.entries(pathsOf(params)).map(([name, paths]) =>
        parts[name]!.init(fromNames(paths, (path) => params[path]!))
      );
      return merge({ steps: {}, slots: {} }, states);
    },
    update(updates, state, params, extra) {
      const present = fromNames(Object.keys(updates), (path) => params[path]!);
      const all: Record<string, Tensors[string]> = {}, states: OptState[] = [];
      for (const [name, paths] of Object.entries(pathsOf(present))) {
        const own = <T>(x: Named<T>) => fromNames(paths, (path) => x[path]!);
        const [next, nextState] = parts[name]!.update(
          own(updates),
          state,
          own(params),
          extra,
        );
        Object.assign(all, next);
        states.push({
          steps: own(nextState.steps),
          slots: mapNamed(nextState.slots, (slots) => pick(slots, paths)),
        });
      }
      return [all, merge(state, states)];
    },
  };
}

function pick(slots: Tensors, paths: readonly string[]): Tensors {
  return fromNames(paths.filter((p) => p in slots), (path) => slots[path]!);
}

function merge(start: OptState, states: readonly OptState[]): OptState {
  const steps = { ...start.steps };
  const slots: Record<string, Tensors> = { ...start.slots };
  for (const state of states) {
    Object.assign(steps, state.steps);
    for (const [slot, tensors] of Object.entries(state.slots)) {
      slots[slot] = { ...slots[slot], ...tensors };
    }
  }
  return { steps, slots };
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
  return masked(setToZero(), mask);
}
