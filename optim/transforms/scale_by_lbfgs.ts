/**
 * The direction of L-BFGS.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { mapNamed, type Tensors } from "../../tensors.ts";
import { withTraits } from "./elementwise.ts";
import type { GradientTransformation, OptState } from "./transformation.ts";
import {
  boolean,
  checkOptions,
  type OptionRules,
} from "../../internal/check.ts";

/** Options of {@linkcode scaleByLbfgs}. */
export interface ScaleByLbfgsOptions {
  /** The number of past steps that the curvature is estimated from. Default: 10. */
  readonly memorySize?: number | undefined;
  /** Whether to start from the curvature of the last step. Default: true. */
  readonly scaleInitPrecond?: boolean | undefined;
}

/** What the options of {@linkcode scaleByLbfgs} must be. */
export const LBFGS_RULES: OptionRules<ScaleByLbfgsOptions> = {
  memorySize: "a positive integer",
  scaleInitPrecond: boolean,
};

/** Pairs with less curvature than this are ignored. */
const GUARD = 1e-10;

/**
 * Multiply gradients by an estimate of the inverse Hessian.
 *
 * ```text
 * s = θ - θₚ, y = g - gₚ, ω = 1 / sᵀy      a pair of each of the last m steps
 * q = g      from the newest pair on: a = ω sᵀq, q ← q - a y
 * q ← γ q    from the oldest pair on: q ← q + (a - ω yᵀq) s
 * u = q      γ = sᵀy / yᵀy of the newest pair, min(1, 1 / ‖g‖) without one
 * ```
 *
 * Pairs with sᵀy ≤ 10⁻¹⁰ ‖s‖ ‖y‖ do not count, so that the estimate stays positive
 * definite. All parameters are one vector: all that are not frozen need gradients at
 * every step.
 *
 * Nocedal and Wright, Numerical Optimization, 2006, algorithm 7.4.
 *
 * @param options See {@linkcode ScaleByLbfgsOptions}.
 * @returns The transformation.
 */
export function scaleByLbfgs(
  options: ScaleByLbfgsOptions = {},
): GradientTransformation {
  checkOptions("create scaleByLbfgs", options, LBFGS_RULES);
  const { memorySize = 10, scaleInitPrecond = true } = options;
  const memory = Array.from({ length: memorySize }, (_, i) => i);
  return withTraits({
    init(params) {
      const zeros = () => mapNamed(params, (x) => tf.zerosLike(x));
      const slots: Record<string, Tensors> = { param: zeros(), grad: zeros() };
      const [first] = Object.keys(params);
      // A number for all parameters is kept under the first of them.
      const one = () => first === undefined ? {} : { [first]: tf.scalar(0) };
      for (const i of memory) {
        slots[`s${i}`] = zeros();
        slots[`y${i}`] = zeros();
        slots[`omega${i}`] = one();
      }
      slots["gamma"] = one();
      return { steps: mapNamed(params, () => 0), slots };
    },

    update(updates, state, params, extra) {
      checkComplete(state, updates, extra?.frozen);
      return tidy(() => {
        const paths = Object.keys(updates);
        const [first] = Object.keys(state.slots["gamma"]!) as [string];
        // A parameter that has come later begins for all of them anew.
        const t = Math.min(...paths.map((path) => state.steps[path]!));
        const slots: Record<string, Tensors> = { ...state.slots };
        const number = (slot: string) => slots[slot]![first]!;
        const dot = (x: Tensors, y: Tensors): tf.Tensor =>
          tf.addN(paths.map((p) => tf.sum(tf.mul(x[p]!, y[p]!))));
        // Frozen parameters keep what they have.
        const put = (slot: string, next: Tensors) =>
          slots[slot] = { ...slots[slot], ...next };
        if (t > 0) {
          const i = (t - 1) % memorySize;
          const s = mapNamed(
            updates,
            (_, p) => tf.sub(params[p]!, slots["param"]![p]!),
          );
          const y = mapNamed(updates, (g, p) => tf.sub(g, slots["grad"]![p]!));
          const sy = dot(s, y), yy = dot(y, y);
          const least = tf.mul(GUARD, tf.sqrt(tf.mul(dot(s, s), yy)));
          const counts = tf.greater(sy, least);
          put(`s${i}`, s);
          put(`y${i}`, y);
          const omega = tf.where(counts, tf.div(1, sy), tf.zerosLike(sy));
          slots[`omega${i}`] = { [first]: omega };
          const gamma = tf.where(counts, tf.div(sy, yy), number("gamma"));
          slots["gamma"] = { [first]: gamma };
        }
        put("param", mapNamed(updates, (_, p) => tf.clone(params[p]!)));
        put("grad", mapNamed(updates, (g) => tf.clone(g)));

        const newest = memory.filter((i) => i < t)
          .map((i) => (t - 1 - i) % memorySize);
        let q: Tensors = updates;
        const factors = newest.map((i) => {
          const a = tf.mul(number(`omega${i}`), dot(slots[`s${i}`]!, q));
          q = plus(q, slots[`y${i}`]!, tf.neg(a));
          return a;
        });
        if (scaleInitPrecond) {
          const cautious = tf.minimum(
            1,
            tf.div(1, tf.sqrt(dot(updates, updates))),
          );
          const gamma = number("gamma");
          const scale = tf.where(tf.greater(gamma, 0), gamma, cautious);
          q = mapNamed(q, (x) => tf.mul(x, scale));
        }
        [...newest].reverse().forEach((i, k) => {
          const a = factors[newest.length - 1 - k]!;
          const b = tf.mul(number(`omega${i}`), dot(slots[`y${i}`]!, q));
          q = plus(q, slots[`s${i}`]!, tf.sub(a, b));
        });
        const steps = { ...state.steps, ...mapNamed(updates, () => t + 1) };
        return [mapNamed(q, (x) => tf.clone(x)), { steps, slots }];
      });
    },
  }, {
    isUniform: false,
    sumsOverStep: true,
    refusal:
      "its optimizer chooses what it remembers by the number of the step",
  });
}

/** `tf.tidy`, for what an update returns. */
function tidy(fn: () => [Tensors, OptState]): [Tensors, OptState] {
  return tf.tidy(fn as () => tf.TensorContainer) as [Tensors, OptState];
}

function checkComplete(
  state: OptState,
  updates: Tensors,
  frozen: ReadonlySet<string> = new Set(),
): void {
  const missing = Object.keys(state.slots["param"]!)
    .find((path) => !Object.hasOwn(updates, path) && !frozen.has(path));
  if (missing === undefined) return;
  throw new RangeError(
    `Cannot step L-BFGS: all parameters must have gradients: there is none of "${missing}"`,
  );
}

/** `x + factor y` */
function plus(x: Tensors, y: Tensors, factor: tf.Tensor): Tensors {
  return mapNamed(x, (of, path) => tf.add(of, tf.mul(y[path]!, factor)));
}
