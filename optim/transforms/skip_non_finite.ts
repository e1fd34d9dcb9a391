/**
 * Steps that are skipped where gradients are not finite.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { Expr } from "../../backend/fusion/mod.ts";
import { nextOrOld } from "../../backend/gate.ts";
import {
  check,
  checkOptions,
  either,
  type OptionRules,
  rule,
} from "../../internal/check.ts";
import { mapNamed, type Named } from "../../tensors.ts";
import { aroundRules, atStep, freeName } from "./around_rules.ts";
import { elementwise, traitsOf, withTraits } from "./elementwise.ts";
import { structured, type Turns } from "./joint.ts";
import { GREATEST } from "./moments.ts";
import { joinedState, joinStates } from "./opt_state.ts";
import { transformation } from "./options.ts";
import type { CompleteRule, StepInfo } from "./rule.ts";
import { shared } from "./shared.ts";
import type { GradientTransformation } from "./transformation.ts";

/** Options of {@linkcode skipNonFinite}. */
export interface SkipNonFiniteOptions {
  /**
   * How many steps in a row are skipped at most: further ones are taken, so that the
   * fault shows in the parameters. Default: Infinity.
   */
  readonly maxConsecutive?: number | undefined;
}

const RULES: OptionRules<SkipNonFiniteOptions> = {
  maxConsecutive: either(
    rule("Infinity", (x) => x === Infinity, RangeError),
    "a nonnegative integer",
  ),
};

/**
 * Apply `tx`, unless a gradient of the step has an element that is not finite: such a
 * step changes neither parameters nor the slots of `tx`.
 *
 * ```text
 * n = number of elements of all gradients that are NaN or infinite
 * u = tx(g) where n = 0, else 0
 * ```
 *
 * It is decided on the device, which is not waited for: {@linkcode skippedSteps} reads the
 * counts when you want them. So the step number of bias corrections and schedules counts
 * skipped steps too; where `tx` is elementwise, not those before the first step that is
 * taken.
 *
 * The option `nan` of `fit` looks at the loss instead, and stops or takes the step back on
 * the host; with this transformation training goes on. A loss scale skips steps that
 * overflow by itself.
 *
 * As `optax.apply_if_finite`, which does not count skipped steps for bias corrections.
 *
 * @example Usage
 * ```ts
 * import { optim, ParamState, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const w = new ParamState(tf.scalar(1));
 * using optimizer = new optim.Optimizer({
 *   tx: optim.skipNonFinite(optim.sgd()),
 *   lr: 0.5,
 * }).registerTrainableWeights({ w });
 * optimizer.step({ w: tf.scalar(NaN) });
 * optimizer.step({ w: tf.scalar(1) });
 * assertEquals([...await w.value.data()], [0.5]);
 * assertEquals(await optim.skippedSteps(optimizer), { total: 1, inRow: 0 });
 * ```
 *
 * @param tx The transformation.
 * @param options See {@linkcode SkipNonFiniteOptions}.
 * @returns The transformation.
 */
export function skipNonFinite(
  tx: GradientTransformation,
  options: SkipNonFiniteOptions = {},
): GradientTransformation {
  const action = "create skipNonFinite";
  check(action, "tx", tx, transformation);
  checkOptions(action, options, RULES);
  const { maxConsecutive = Infinity } = options;
  if (!tx.rule) return ofTensors(tx, maxConsecutive);
  return aroundRules(tx, (rule) => skipping(rule, maxConsecutive), {
    sumsOverStep: true,
  });
}

/** The names of the counts, as slots. */
const TOTAL = "nonFinite", IN_ROW = "nonFiniteInRow";

const isOld = ({ t }: StepInfo) => t === 1 ? 0 : 1;

/** Whether a step is taken, and the counts after it. */
function judged(
  g: Expr,
  counts: { readonly total: Expr; readonly inRow: Expr; readonly isOld: Expr },
  maxConsecutive: number,
): { readonly taken: Expr; readonly total: Expr; readonly inRow: Expr } {
  // Above 0 for finite numbers only: comparisons with NaN are false.
  const isFinite = Expr.constant(GREATEST).sub(g.abs()).add(1);
  const n = isFinite.select(0, 1).sumAll();
  const inRow = shared(counts.inRow, counts.isOld, "non-finite steps");
  const isTaken = maxConsecutive === Infinity
    ? 0
    : inRow.add(1 - maxConsecutive).select(1, 0);
  return {
    taken: n.select(isTaken, 1),
    total: n.select(counts.total.add(1), counts.total),
    inRow: n.select(inRow.add(1), 0),
  };
}

function skipping(rule: CompleteRule, maxConsecutive: number): CompleteRule {
  const [total, inRow, begun] = [TOTAL, IN_ROW, "begun"]
    .map((name) => freeName(name, rule.slots)) as [string, string, string];
  const names = mapNamed(
    rule.scalars,
    (_, name) => freeName(`${name} at first`, rule.scalars),
  );
  const old = freeName("isOld", rule.scalars);
  const scalars: Record<string, (info: StepInfo) => number> = {
    ...rule.scalars,
    [old]: isOld,
  };
  mapNamed(names, (first, name) => {
    scalars[first] = (info) => rule.scalars[name]!(atStep(info, 1));
  });
  return {
    slots: {
      ...rule.slots,
      [total]: { one: 0 },
      [inRow]: { one: 0 },
      [begun]: { one: 0 },
    },
    scalars,
    update(x, s) {
      const after = judged(x.update, {
        total: x[total]!,
        inRow: x[inRow]!,
        isOld: s[old]!,
      }, maxConsecutive);
      // Before a step is taken, each is the first.
      const own = mapNamed(
        names,
        (first, name) => x[begun]!.select(s[name]!, s[first]!),
      );
      const next = rule.update(x, own), { taken } = after;
      return {
        ...mapNamed(
          rule.slots,
          (_, slot) => taken.select(next[slot]!, x[slot]!),
        ),
        [total]: after.total,
        [inRow]: after.inRow,
        [begun]: taken.select(1, x[begun]!),
        update: taken.select(next.update, 0),
      };
    },
  };
}

/** Of a transformation of whole tensors, which does not see what is not finite. */
function ofTensors(
  tx: GradientTransformation,
  maxConsecutive: number,
): GradientTransformation {
  const judging = elementwise({
    slots: { [TOTAL]: { one: 0 }, [IN_ROW]: { one: 0 }, taken: { one: 0 } },
    scalars: { isOld },
    update({ update, ...slots }: Named<Expr>, { isOld }: Named<Expr>) {
      const counts = {
        total: slots[TOTAL]!,
        inRow: slots[IN_ROW]!,
        isOld: isOld!,
      };
      const after = judged(update!, counts, maxConsecutive), { taken } = after;
      return {
        update: taken.select(update!, 0),
        [TOTAL]: after.total,
        [IN_ROW]: after.inRow,
        taken,
      };
    },
  });
  const turns: Turns = function* (job, part) {
    const [updates, judgement] = yield* part(0, {
      ...job,
      tx: judging,
      state: joinedState(job.state, 0),
    });
    const state = joinedState(job.state, 1);
    const [next, after] = yield* part(1, { ...job, tx, updates, state });
    const taken = judgement.slots["taken"]!;
    const chosen = mapNamed(
      next,
      (u, path) => nextOrOld(taken[path]! as tf.Scalar, u, tf.zerosLike(u)),
    );
    const slots = mapNamed(
      after.slots,
      (of, slot) =>
        mapNamed(of, (x, path) => {
          const old = state.slots[slot]![path]!;
          return x === old ? x : nextOrOld(taken[path]! as tf.Scalar, x, old);
        }),
    );
    return [chosen, joinStates([judgement, { steps: after.steps, slots }])];
  };
  const whole = structured(
    { turns },
    (params) => joinStates([judging.init(params), tx.init(params)]),
  );
  return {
    ...withTraits(whole, { ...traitsOf(tx), sumsOverStep: true }),
    defaultLr: tx.defaultLr,
  };
}
