/**
 * An optimizer that is not in the list: ADOPT (Taniguchi et al., 2024,
 * https://arxiv.org/abs/2411.02853), which divides by the mean square of the steps
 * before, so that it converges with any β₂.
 *
 * ```text
 * u = g / max(√v, ε)      0 at the first step, clipped to [-t^¼, t^¼]
 * m ← β₁ m + (1 - β₁) u   v ← β₂ v + (1 - β₂) g²   v = g² at the first step
 * θ ← θ - α m
 * ```
 *
 * One declaration: it runs as one pass on WebAssembly, as one shader on WebGPU, and
 * as tfjs ops elsewhere. Run it with `deno run -A examples/custom_optimizer.ts`.
 */
import { optim, ParamState, scope, tf, useBackend } from "@braintape/braintape";

/** Options of {@linkcode Adopt}. */
export interface AdoptOptions extends optim.OptimizerOptions {
  /** Decay rates of the mean step and mean square. Default: [0.9, 0.9999]. */
  readonly betas?: readonly [number, number];
  /** Keeps the denominator above zero. Default: 1e-6. */
  readonly eps?: number;
}

function scaleByAdopt(
  { betas: [b1, b2] = [0.9, 0.9999], eps = 1e-6 }: AdoptOptions,
): optim.GradientTransformation {
  return optim.elementwise({
    slots: { m: 0, v: 0 },
    scalars: {
      kept: ({ t }) => t === 1 ? 0 : b2,
      added: ({ t }) => t === 1 ? 1 : 1 - b2,
      limit: ({ t }) => t === 1 ? 0 : (t - 1) ** 0.25,
    },
    update({ update: g, m, v }, { kept, added, limit }) {
      const u = g.div(v.sqrt().max(eps)).min(limit).max(limit.neg());
      m = m.mul(b1).add(u.mul(1 - b1));
      v = v.mul(kept).add(g.square().mul(added));
      return { update: m, m, v };
    },
  });
}

/** The optimizer, with clipping, schedules, groups and saving like any other. */
export class Adopt extends optim.Optimizer<AdoptOptions> {
  protected override defaultTx(
    options: AdoptOptions,
  ): optim.GradientTransformation {
    return optim.chain(scaleByAdopt(options), optim.scaleByLearningRate());
  }
}

if (import.meta.main) {
  const { backend } = await useBackend();
  const w = scope(() => new ParamState(tf.tensor1d([5, -3, 0.5])));
  using optimizer = new Adopt({ lr: 0.05 }).registerTrainableWeights({ w });
  for (let step = 0; step <= 300; step++) {
    if (step % 100 === 0) {
      console.log(backend, "step", step, [...await w.value.data()]);
    }
    optimizer.step({ w: tf.mul(2, w.value) }); // the gradient of ‖w‖²
  }
}
