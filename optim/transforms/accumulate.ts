/**
 * Steps of several gradients.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { Expr } from "../../backend/fusion/mod.ts";
import { check } from "../../internal/check.ts";
import { own } from "../../internal/own.ts";
import { fromNames, mapNamed } from "../../tensors.ts";
import { aroundRules, atStep, freeName } from "./around_rules.ts";
import { elementwise, traitsOf, withTraits } from "./elementwise.ts";
import { structured, type Turns } from "./joint.ts";
import { joinedState, joinStates, select } from "./opt_state.ts";
import { transformation } from "./options.ts";
import type { CompleteRule, StepInfo } from "./rule.ts";
import type { GradientTransformation } from "./transformation.ts";
import { withSums } from "./with_sums.ts";

/**
 * Apply `tx` to the mean of every `k` gradients, and change nothing in between.
 *
 * ```text
 * a ← a + g, n ← n + 1      every k steps: u = tx(a / n), a ← 0, n ← 0      else u = 0
 * ```
 *
 * n is k, unless `skipNonFinite` around it has skipped some: the mean is then of the others.
 *
 * For training loops of your own, whose batches are smaller than a step should see. In
 * `fit` and `train.step` the option `accumulate` does the same with one more tensor for
 * each parameter, too, but calls the optimizer only once in k batches, so that the number
 * of steps and the schedule count steps. Here the optimizer's `stepCount` counts
 * gradients: a scheduler that is stepped after each of them needs k times the length, and
 * the rate of a step is that of its last gradient. The step number of `tx` itself, for
 * bias corrections, counts its own steps.
 *
 * A parameter without a gradient in some of the k steps waits for its k-th. As
 * `optax.MultiSteps`.
 *
 * @example Usage
 * ```ts
 * import { optim, ParamState, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const w = new ParamState(tf.scalar(1));
 * using optimizer = new optim.Optimizer({
 *   tx: optim.accumulate(optim.sgd(), 2),
 *   lr: 0.5,
 * }).registerTrainableWeights({ w });
 * optimizer.step({ w: tf.scalar(1) });
 * assertEquals([...await w.value.data()], [1]);
 * optimizer.step({ w: tf.scalar(3) });
 * assertEquals([...await w.value.data()], [0]);
 * ```
 *
 * @param tx The transformation of mean gradients; where it sums over all parameters, over
 * those that have their k-th gradient.
 * @param k The number of gradients of a step.
 * @returns The transformation.
 */
export function accumulate(
  tx: GradientTransformation,
  k: number,
): GradientTransformation {
  const action = "create accumulate";
  check(action, "tx", tx, transformation);
  check(action, "k", k, "a positive integer");
  return tx.rule
    ? aroundRules(tx, (rule) => accumulating(rule, k))
    : ofTensors(tx, k);
}

function isLast({ t }: Pick<StepInfo, "t">, k: number): boolean {
  return t % k === 0;
}

function accumulating(rule: CompleteRule, k: number): CompleteRule {
  const sum = freeName("accumulated", rule.slots);
  const count = freeName("count", rule.slots);
  const last = freeName("last", rule.scalars);
  const update = withSums(
    rule,
    (s, head, [x]) => Expr.of(head, [s[last]!.select(x!, 0)]),
  );
  return {
    slots: { ...rule.slots, [sum]: 0, [count]: { one: 0 } },
    scalars: {
      ...mapNamed(
        rule.scalars,
        (of) => (info: StepInfo) => of(atStep(info, Math.ceil(info.t / k))),
      ),
      [last]: (info) => isLast(info, k) ? 1 : 0,
    },
    update(x, s) {
      const isLast = s[last]!;
      const { mean, ...added } = add(x.update, x[sum]!, x[count]!, isLast);
      const next = update({ ...x, update: mean }, s);
      return {
        ...mapNamed(
          rule.slots,
          (_, slot) => isLast.select(next[slot]!, x[slot]!),
        ),
        [sum]: added.sum,
        [count]: added.count,
        update: isLast.select(next.update, 0),
      };
    },
  };
}

/** The mean with one more gradient, and what is kept of it. */
function add(
  g: Expr,
  sum: Expr,
  count: Expr,
  isLast: Expr,
): { readonly mean: Expr; readonly sum: Expr; readonly count: Expr } {
  const all = sum.add(g), n = count.add(1);
  return {
    mean: all.div(n),
    sum: isLast.select(0, all),
    count: isLast.select(0, n),
  };
}

/** Of a transformation of whole tensors, which is applied to those that are due. */
function ofTensors(
  tx: GradientTransformation,
  k: number,
): GradientTransformation {
  const adding = elementwise({
    slots: { accumulated: 0, count: { one: 0 } },
    scalars: { last: (info) => isLast(info, k) ? 1 : 0 },
    update({ update, accumulated, count }, { last }) {
      const { mean, ...added } = add(update, accumulated, count, last);
      return { update: mean, accumulated: added.sum, count: added.count };
    },
  });
  const turns: Turns = function* (job, part) {
    const { params, extra } = job;
    const [means, after] = yield* part(0, {
      ...job,
      tx: adding,
      state: joinedState(job.state, 0),
    });
    const paths = Object.keys(means);
    const due = paths.filter((path) => isLast({ t: after.steps[path]! }, k));
    const { slots } = joinedState(job.state, 1);
    const steps = mapNamed(job.state.steps, (n) => Math.floor(n / k));
    const [updates, next] = due.length === 0
      ? [{}, { steps, slots }]
      : yield* part(1, {
        tx,
        updates: select(means, due),
        state: { steps, slots },
        params: select(params, due),
        extra,
      });
    const all = fromNames(
      paths,
      (path) => own(updates, path) ?? tf.zerosLike(means[path]!),
    );
    return [all, joinStates([after, next])];
  };
  const whole = structured(
    { turns },
    (params) => joinStates([adding.init(params), tx.init(params)]),
  );
  const traits = {
    ...traitsOf(tx),
    refusal: "its optimizer takes a step in some calls only",
  };
  return { ...withTraits(whole, traits), defaultLr: tx.defaultLr };
}
