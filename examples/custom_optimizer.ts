/**
 * An optimizer that is not in the list: LaProp (Ziyin et al., 2020,
 * https://arxiv.org/abs/2002.04839), which takes the mean of gradients that are divided
 * by their size, where Adam divides the mean.
 *
 * ```text
 * v ← β₂ v + (1 - β₂) g²
 * m ← β₁ m + (1 - β₁) g √(1 - β₂ᵗ) / (√v + ε)
 * θ ← θ - α m / (1 - β₁ᵗ)
 * ```
 *
 * One declaration: it runs as one pass on WebAssembly, as one shader on WebGPU, and
 * as tfjs ops elsewhere. Run it with `deno run -A examples/custom_optimizer.ts`.
 */
import { optim, ParamState, scope, tf, useBackend } from "@braintape/braintape";

/** Options of {@linkcode LaProp}. */
export interface LaPropOptions extends optim.OptimizerOptions {
  /** Decay rates of the mean step and mean square. Default: [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Keeps the denominator above zero. Default: 1e-15. */
  readonly eps?: number;
}

function scaleByLaProp(
  { betas: [b1, b2] = [0.9, 0.999], eps = 1e-15 }: LaPropOptions,
): optim.GradientTransformation {
  return optim.elementwise({
    slots: { m: 0, v: 0 },
    scalars: {
      correction: ({ t }) => 1 - b1 ** t,
      root: ({ t }) => Math.sqrt(1 - b2 ** t),
    },
    update({ update: g, m, v }, { correction, root }) {
      v = v.mul(b2).add(g.mul(1 - b2).mul(g));
      m = m.mul(b1).add(g.mul(1 - b1).div(v.sqrt().add(eps).div(root)));
      return { update: m.div(correction), m, v };
    },
  });
}

/** The optimizer, with clipping, schedules, groups and saving like any other. */
export class LaProp extends optim.Optimizer<LaPropOptions> {
  protected override defaultTx(
    options: LaPropOptions,
  ): optim.GradientTransformation {
    return optim.chain(scaleByLaProp(options), optim.scaleByLearningRate());
  }
}

if (import.meta.main) {
  const { backend } = await useBackend();
  const w = scope(() => new ParamState(tf.tensor1d([5, -3, 0.5])));
  using optimizer = new LaProp({ lr: 0.05 }).registerTrainableWeights({ w });
  for (let step = 0; step <= 300; step++) {
    if (step % 100 === 0) {
      console.log(backend, "step", step, [...await w.value.data()]);
    }
    optimizer.step({ w: tf.mul(2, w.value) }); // the gradient of ‖w‖²
  }
}
