/**
 * Muon.
 *
 * @module
 */
import {
  boolean,
  checkOptions,
  oneOf,
  type OptionRules,
  pick,
  refuse,
} from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode muon}. */
export interface MuonOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, tx.OrthogonalizeOptions {
  /** The decay rate of the mean gradient of matrices. Default: 0.95. */
  readonly momentum?: number | undefined;
  /** Whether to look one step ahead. Default: true. */
  readonly nesterov?: boolean | undefined;
  /**
   * What steps of a matrix are multiplied by, of m inputs and n outputs:
   * √max(1, n / m) (`"original"`), or 0.2 √max(m, n) (`"match_rms_adamw"`), with which
   * steps are about as long as those of AdamW and take its rates and decay.
   * Default: `"original"`.
   */
  readonly scaling?: "original" | "match_rms_adamw" | undefined;
  /**
   * The matrices that Muon takes; all else is AdamW's. Parameters of fewer than two
   * axes are always AdamW's. Default: {@linkcode isHiddenMatrix}.
   */
  readonly muonMask?: tx.Mask | undefined;
  /**
   * The base rate of AdamW, which changes in the same proportions as `lr`: a number or
   * a scheduler, since a function has no base rate. Default: that of `lr`.
   */
  readonly adamLr?: number | undefined;
  /** The decay rates of AdamW. Default: [0.9, 0.999]. */
  readonly adamBetas?: readonly [number, number] | undefined;
  /** Added to the denominator of AdamW. Default: 1e-8. */
  readonly adamEps?: number | undefined;
}

const RULES: OptionRules<MuonOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...tx.ORTHOGONALIZE_RULES,
  momentum: "in [0, 1)",
  nesterov: boolean,
  scaling: oneOf("original", "match_rms_adamw"),
  muonMask: tx.mask,
  adamLr: "a nonnegative finite number",
  adamBetas: tx.betas,
  adamEps: "a nonnegative finite number",
};

/** Names of the first and last matrices of a network. */
const ENDS =
  /embed|token|vocab|character|position|wte|wpe|(head|logits|classifier)(\.|$)/i;

/**
 * Selects parameters of two or more axes, but for those of the first and last layers
 * as one calls them: where the path has `embed`, `token`, `vocab`, `character`,
 * `position`, `wte` or `wpe` in it, or a part that ends with `head`, `logits` or
 * `classifier`. Cases do not matter.
 *
 * @example Usage
 * ```ts
 * import { optim } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const shape = [8, 8];
 * assertEquals(optim.isHiddenMatrix("blocks.0.expand.weight", shape), true);
 * assertEquals(optim.isHiddenMatrix("tokenEmbedding.weight", shape), false);
 * assertEquals(optim.isHiddenMatrix("lmHead.weight", shape), false);
 * assertEquals(optim.isHiddenMatrix("blocks.0.expand.bias", [8]), false);
 * ```
 *
 * @param path The path of a parameter.
 * @param shape Its shape.
 * @returns Whether it is selected.
 */
export function isHiddenMatrix(
  path: string,
  shape: readonly number[],
): boolean {
  return shape.length > 1 && !ENDS.test(path);
}

/**
 * Momentum of which each matrix is orthogonalized; AdamW for all other parameters.
 *
 * ```text
 * m ← μ m + (1 - μ) g      d = m, or with Nesterov's look ahead μ m + (1 - μ) g
 * θ ← θ - α (s orthogonalize(d) + λ θ)      s as `scaling` says
 * ```
 *
 * Linear layers have their inputs along the first axis here, along the second one in
 * PyTorch; kernels of convolutions are flattened to `[..., channels out]`.
 *
 * {@link https://kellerjordan.github.io/posts/muon/ | Jordan et al., 2024}, as in torch,
 * whose defaults these are, but in float32 where torch has bfloat16;
 * {@link https://arxiv.org/abs/2502.16982 | Liu et al., 2025} for `"match_rms_adamw"`.
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0.1, of AdamW's parameters too.
 * @returns The transformation.
 */
export function muon(options: MuonOptions = {}): tx.GradientTransformation {
  checkOptions("create Muon", options, RULES);
  const { lr, weightDecay = 0.1, decayMask } = options;
  checkProportions(options, lr);
  const { muonMask = isHiddenMatrix, adamLr, adamBetas, adamEps } = options;
  const decay = tx.decayed({ weightDecay, decayMask });
  const matrices = tx.chain(
    meanGradient(options),
    tx.orthogonalize(pick(options, tx.ORTHOGONALIZE_RULES)),
    scaleByShape(options.scaling),
    ...decay,
    tx.scaleByLearningRate(lr, 1e-3),
  );
  const rest = tx.chain(
    tx.scaleByAdam({ betas: adamBetas, eps: adamEps }),
    ...decay,
    adamLr === undefined
      ? tx.scaleByLearningRate(lr, 1e-3)
      : scaleByOtherRate(lr, adamLr),
  );
  const isMatrix = (path: string, shape: readonly number[]) =>
    shape.length > 1 && tx.matches(muonMask, path, shape);
  return tx.chain(
    ...tx.clips(options),
    tx.partition(
      (path, shape) => isMatrix(path, shape) ? "matrices" : "rest",
      { matrices, rest },
    ),
  );
}

/** Throw if a rate of AdamW is to follow a function, which may start anywhere. */
function checkProportions(
  { adamLr }: Pick<MuonOptions, "adamLr">,
  lr: MuonOptions["lr"],
): void {
  if (adamLr === undefined || typeof lr !== "function") return;
  refuse(
    "create Muon",
    "lr",
    "a number or a scheduler with adamLr",
    lr,
    TypeError,
  );
}

function meanGradient(
  { momentum = 0.95, nesterov = true }: MuonOptions,
): tx.GradientTransformation {
  return tx.elementwise({
    slots: { m: 0 },
    update({ update: g, m }) {
      m = tx.runningMean(m, g, momentum);
      return { update: nesterov ? tx.runningMean(m, g, momentum) : m, m };
    },
  });
}

function scaleByShape(
  scaling: MuonOptions["scaling"],
): tx.GradientTransformation {
  return tx.scaleBy((_path, shape) => {
    const [inputs, outputs] = tx.matrixOf(shape);
    if (scaling === "match_rms_adamw") {
      return 0.2 * Math.sqrt(Math.max(inputs, outputs));
    }
    return Math.sqrt(Math.max(1, outputs / Math.max(1, inputs)));
  });
}

/** Multiply by minus a rate that starts at `base`, and changes as `lr` does. */
function scaleByOtherRate(
  lr: MuonOptions["lr"],
  base: number,
): tx.GradientTransformation {
  const rate = tx.rateOf(lr, 1e-3), first = tx.baseRateOf(lr, 1e-3);
  return tx.elementwise({
    scalars: {
      rate: (info) => -base * (rate(info) / (first(info) || 1)),
    },
    update: ({ update }, { rate }) => ({ update: update.mul(rate) }),
  });
}

/**
 * The optimizer of {@linkcode muon}.
 *
 * Take it for the hidden matrices of transformers and convolutional networks, with
 * `scaling: "match_rms_adamw"` where a rate of {@linkcode AdamW} is known: it keeps one
 * tensor for each matrix. Name the first and last layers to `muonMask` if their paths do
 * not tell.
 */
export class Muon extends Optimizer<MuonOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0.1. */
  constructor(options: MuonOptions = {}) {
    super(options, muon);
  }

  /** The transformation, unless `adamLr` cannot follow the rate. */
  protected override defaultTx(
    options: MuonOptions,
    lr: MuonOptions["lr"],
  ): tx.GradientTransformation {
    checkProportions(options, lr);
    return super.defaultTx(options, lr);
  }
}
