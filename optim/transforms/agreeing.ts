/**
 * Updates that agree with the gradients that they come of.
 *
 * @module
 */
import { Expr } from "../../backend/fusion/mod.ts";
import { check } from "../../internal/check.ts";
import { mapNamed } from "../../tensors.ts";
import { aroundRules } from "./around_rules.ts";
import { elementwise, traitsOf, withTraits } from "./elementwise.ts";
import { transformation } from "./options.ts";
import type { CompleteRule } from "./rule.ts";
import type { GradientTransformation } from "./transformation.ts";

/**
 * Apply `tx`, and make the elements of its updates zero that point against the gradient;
 * the others become larger, as if they were all.
 *
 * ```text
 * k = 1 where u g > 0, else 0      u ← u k / max(mean of k, 10⁻³)
 * ```
 *
 * The mean is over one parameter.
 *
 * {@link https://arxiv.org/abs/2411.16085 | Liang et al., 2024}, as in timm.
 *
 * @example Cautious AdamW
 * ```ts
 * import { optim } from "@braintape/braintape";
 *
 * const tx = optim.chain(
 *   optim.keepAgreeing(optim.scaleByAdam()),
 *   optim.addDecayedWeights(0.01),
 *   optim.scaleByLearningRate(),
 * );
 * new optim.Optimizer({ tx, lr: 1e-3 });
 * ```
 *
 * @param tx A rule before the rate, whose updates point along gradients, such as
 * {@linkcode scaleByAdam}. For a whole optimizer there is {@linkcode cautious}.
 * @returns The transformation.
 */
export function keepAgreeing(
  tx: GradientTransformation,
): GradientTransformation {
  check("create keepAgreeing", "tx", tx, transformation);
  return agreeing(tx, 1);
}

/** As {@linkcode keepAgreeing}, of updates that point along `sign` times the gradient. */
export function agreeing(
  tx: GradientTransformation,
  sign: 1 | -1,
): GradientTransformation {
  if (tx.rule) return aroundRules(tx, (rule) => around(rule, sign));
  return { ...ofTensors(tx, sign), defaultLr: tx.defaultLr };
}

function around(rule: CompleteRule, sign: 1 | -1): CompleteRule {
  return {
    ...rule,
    update(x, s) {
      const result = rule.update(x, s);
      return { ...result, update: kept(x.update, result.update, sign) };
    },
  };
}

/** `u` where it agrees with `g`. Products of signs do not vanish, as those of values do. */
function kept(g: Expr, u: Expr, sign: 1 | -1): Expr {
  const agree = u.sign().mul(g.sign()).mul(sign).max(0);
  const share = agree.sum().div(Expr.constant(1).sum());
  return u.mul(agree).div(share.max(1e-3));
}

/** Of a transformation of whole tensors: its updates are taken for slots. */
function ofTensors(
  tx: GradientTransformation,
  sign: 1 | -1,
): GradientTransformation {
  const mask = elementwise({
    slots: { u: 0 },
    update: ({ update: g, u }) => ({ update: kept(g, u, sign), u }),
  });
  return withTraits({
    init: (params) => tx.init(params),

    update(updates, state, params, extra) {
      const [u, next] = tx.update(updates, state, params, extra);
      const steps = mapNamed(u, () => 0);
      const [masked] = mask.update(updates, { steps, slots: { u } }, params);
      return [masked, next];
    },
  }, traitsOf(tx));
}
