/**
 * The minimum of a function of tensors or states.
 *
 * @module
 */
import { callable, check, checkOptions } from "../../internal/check.ts";
import { defaultState } from "../../random/default.ts";
import { Draws } from "../search/draws.ts";
import type { Ended, Standing } from "./descent.ts";
import { checkFinite, checkNeeds, type Kind, KINDS } from "./kinds.ts";
import type { Limits } from "./method.ts";
import { BudgetSpent, type Found, Objective } from "./objective.ts";
import {
  MINIMIZE_RULES,
  type MinimizeFunction,
  type MinimizeOptions,
  type Minimum,
} from "./options.ts";
import { Held, type Variables } from "./variables.ts";
import type { Vector } from "./vectors.ts";

const ACTION = "minimize";

/**
 * Finds where a function of tensors or states is least, in the manner of scipy's
 * `minimize`.
 *
 * | method | uses | bounds |
 * | --- | --- | --- |
 * | `"l-bfgs"` | gradients; the curvature of the last steps | no |
 * | `"l-bfgs-b"` | the same, and the generalized Cauchy point of Byrd, Lu, Nocedal and Zhu, 1995 | if any |
 * | `"bfgs"` | gradients; an n × n estimate of the inverse Hessian | no |
 * | `"newton-cg"` | gradients, and products with the Hessian | no |
 * | `"nelder-mead"` | values; a simplex that starts as scipy's, mirrored at both bounds | if any |
 * | `"cma-es"`, `"differential-evolution"`, `"particle-swarm"`, `"one-plus-one-es"`, `"random-search"` | values; see {@linkcode CMAES} and the others | needs finite ones |
 *
 * Gradients come from `autodiff`. The methods compute in float64, but the function sees
 * float32, so its value is known to seven digits: a method ends when it no longer
 * falls beyond that. Where the least value is 0, as that of a sum of squares that fit,
 * variables are found to about six digits; elsewhere to three or four, or more by
 * methods whose gradients say what values cannot.
 *
 * The function runs in a scope, which frees the tensors that it makes. What it writes
 * to other states is kept. If it throws, the states of `x0` are as before, and no
 * tensor leaks. A value that is not finite is one that no method goes to; if there is
 * no other, the value found is NaN.
 *
 * @example Rosenbrock's valley
 * ```ts
 * import { optim, tf, useBackend } from "@braintape/braintape";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const { x, success } = await optim.minimize(
 *   ({ a, b }) => {
 *     const valley = tf.square(tf.sub(b, tf.square(a)));
 *     return tf.add(tf.square(tf.sub(1, a)), tf.mul(100, valley));
 *   },
 *   { a: tf.scalar(-1.2), b: tf.scalar(1) },
 * );
 * assertAlmostEquals((await x.b.data())[0]!, 1, 1e-3);
 * ```
 *
 * @example The parameters of a model, in place
 * ```ts
 * import { nn, optim, ParamState, tf, useBackend } from "@braintape/braintape";
 * import { assertLess } from "@std/assert";
 *
 * await useBackend("cpu");
 * const model = new nn.Linear(1, 1);
 * const x = tf.tensor2d([[0], [1], [2]]), y = tf.tensor2d([[1], [3], [5]]);
 * const { value } = await optim.minimize(
 *   () => tf.mean(tf.squaredDifference(model.call(x), y)),
 *   model.states(ParamState),
 * );
 * assertLess(value, 1e-8);
 * ```
 *
 * @typeParam X The structure of the variables.
 * @param fn Returns a scalar of float32. It takes tensors in the structure of `x0`; or
 * its states, which it may also read elsewhere.
 * @param x0 Where to start: a tensor or a state, or lists and records of either. States
 * are left at the minimum.
 * @param options See {@linkcode MinimizeOptions}.
 * @returns The minimum; the caller owns its tensors.
 * @throws {RangeError} If the start is not finite, or beyond the bounds.
 */
export async function minimize<X extends Variables>(
  fn: MinimizeFunction<X>,
  x0: X,
  options: MinimizeOptions<X> = {},
): Promise<Minimum<X>> {
  check(ACTION, "fn", fn, callable);
  checkOptions(ACTION, options as MinimizeOptions, MINIMIZE_RULES);
  const { bounds, method = bounds === undefined ? "l-bfgs" : "l-bfgs-b" } =
    options;
  const kind = KINDS[method];
  checkNeeds(method, options);
  const held = new Held(x0);
  try {
    const limits = await held.limits(bounds);
    const start = await held.read();
    held.check(start, limits);
    checkFinite(method, options, limits);
    return await run(kind, held, fn, start, limits, options);
  } catch (error) {
    held.restore();
    throw error;
  } finally {
    held.dispose();
  }
}

/** Follow the method from all starts. */
async function run<X extends Variables>(
  kind: Kind,
  held: Held<X>,
  fn: MinimizeFunction<X>,
  start: Vector,
  limits: Limits,
  options: MinimizeOptions<X>,
): Promise<Minimum<X>> {
  const { nRestarts = 0, random = defaultState, callback } = options;
  const {
    budget = kind.usesGradients ? Infinity : 1000 * held.size * (nRestarts + 1),
    tolerance = kind.tolerance,
    maxIterations = kind.maxIterations(held.size),
  } = options;
  const objective = new Objective(held, fn, budget);
  let isStopped = false, sinceStart = 0;
  async function goesOn({ x, value, nIterations }: Standing) {
    sinceStart = nIterations;
    if (!callback) return true;
    held.write(x);
    const { nEvaluations } = objective.counts;
    const progress = { x: held.argument, value, nIterations, nEvaluations };
    isStopped = await callback(progress) === false;
    return !isStopped;
  }
  const stopping = { tolerance, maxIterations, goesOn };
  const draws = nRestarts > 0 ? new Draws(random) : undefined;
  let nIterations = 0, best: Found | undefined, end: Ended | undefined;
  for (let i = 0; i <= nRestarts && !isStopped; i++) {
    const x0 = i === 0 ? start : between(limits, draws!);
    objective.best = undefined;
    sinceStart = 0;
    const begin = { objective, x0, limits, stopping, options };
    const ended = await kind.follow(begin).catch((error): Ended => {
      if (!(error instanceof BudgetSpent)) throw error;
      isStopped = true;
      const message = "the budget is spent";
      return { nIterations: sinceStart, success: false, message };
    });
    nIterations += ended.nIterations;
    const found = ended.point ?? objective.best;
    if (end && !(found && found.value < (best?.value ?? Infinity))) continue;
    [best, end] = [found, ended];
  }
  const x = best?.x ?? start;
  held.write(x);
  const result = {
    x: held.areStates ? held.argument : held.tensors(x) as X,
    value: best?.value ?? NaN,
    ...objective.counts,
    nIterations,
    success: best !== undefined && end!.success,
    message: best || !end!.success ? end!.message : "no value was finite",
  };
  return best?.gradient
    ? { ...result, gradient: held.tensors(best.gradient) }
    : result;
}

/** A point drawn between the limits. */
function between({ low, high }: Limits, draws: Draws): Vector {
  return draws.uniform(low.length)
    .map((u, i) => Math.fround(low[i]! + u * (high[i]! - low[i]!)));
}
