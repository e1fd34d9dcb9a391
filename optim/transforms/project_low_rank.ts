/**
 * Projections of gradients to few directions.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check, checkOptions, type OptionRules } from "../../internal/check.ts";
import { own } from "../../internal/own.ts";
import { fromNames, mapNamed, type Tensors } from "../../tensors.ts";
import { eigenbasis } from "../linear_algebra/eigenbasis.ts";
import { traitsOf, withTraits } from "./elementwise.ts";
import { onlyIf } from "./kernels.ts";
import { type Mask, matches } from "./mask.ts";
import { select } from "./opt_state.ts";
import { mask, transformation } from "./options.ts";
import type { StepInfo } from "./rule.ts";
import type { GradientTransformation } from "./transformation.ts";

/** Options of {@linkcode projectLowRank}. */
export interface ProjectLowRankOptions {
  /** The number r of directions. Default: 128. */
  readonly rank?: number | undefined;
  /** Steps from one choice of directions to the next. Default: 200. */
  readonly updateProjGap?: number | undefined;
  /** What updates of projected matrices are multiplied by. Default: 0.25. */
  readonly scale?: number | undefined;
  /**
   * Which matrices are projected, of those with two axes that are both longer than `rank`.
   * Default: all.
   */
  readonly projectMask?: Mask | undefined;
}

/** What the options of {@linkcode projectLowRank} must be. */
export const PROJECT_RULES: OptionRules<ProjectLowRankOptions> = {
  rank: "a positive integer",
  updateProjGap: "a positive integer",
  scale: "a positive finite number",
  projectMask: mask,
};

/**
 * Apply `inner` to gradients of matrices in the r directions where they are greatest, so
 * that its slots are r numbers wide.
 *
 * ```text
 * every so many steps, of a gradient g of m by n with m ≤ n: P = the first r left singular
 * vectors of g      u = scale P inner(Pᵀ g)      with m > n the same of gᵀ
 * ```
 *
 * Slots of `inner` stay as they are when directions change. What it looks at must be
 * gradients alone: what depends on parameters, as weight decay does, comes after it in a
 * chain.
 *
 * Directions are computed on the host in float64: of a shorter axis of 512 numbers in some
 * tenths of a second, in time with the third power of the length. In browsers on WebGPU,
 * where tensors cannot be read in a step, steps are refused.
 *
 * {@link https://arxiv.org/abs/2403.03507 | Zhao et al., 2024}.
 *
 * @example Usage
 * ```ts
 * import { optim } from "@braintape/braintape";
 *
 * const tx = optim.chain(
 *   optim.projectLowRank(optim.scaleByLion(), { rank: 16 }),
 *   optim.scaleByLearningRate(1e-3),
 * );
 * new optim.Optimizer({ tx });
 * ```
 *
 * @param inner The transformation of projected gradients, and of those of all other
 * parameters.
 * @param options See {@linkcode ProjectLowRankOptions}.
 * @returns The transformation.
 */
export function projectLowRank(
  inner: GradientTransformation,
  options: ProjectLowRankOptions = {},
): GradientTransformation {
  const action = "create projectLowRank";
  check(action, "inner", inner, transformation);
  checkOptions(action, options, PROJECT_RULES);
  const { rank = 128, updateProjGap = 200, scale = 0.25, projectMask } =
    options;
  const isProjected = (path: string, { shape }: tf.Tensor) =>
    shape.length === 2 && Math.min(...shape) > rank &&
    matches(projectMask, path, shape);
  const lowShape = ([m, n]: readonly number[]): [number, number] =>
    m! <= n! ? [rank, n!] : [m!, rank];
  /** What `inner` has in place of parameters. */
  const lowParams = (params: Tensors) =>
    mapNamed(
      params,
      (x, path) => isProjected(path, x) ? tf.zeros(lowShape(x.shape)) : x,
    );
  return withTraits({
    init(params) {
      const { steps, slots } = inner.init(lowParams(params));
      const paths = Object.keys(params)
        .filter((path) => isProjected(path, params[path]!));
      if (paths.length === 0) return { steps, slots };
      const projection = fromNames(
        paths,
        (path) => tf.eye(Math.min(...params[path]!.shape), rank),
      );
      return { steps, slots: { ...slots, projection } };
    },

    update(updates, state, params, extra) {
      const { projection = {}, ...slots } = state.slots;
      const next: Record<string, tf.Tensor> = { ...projection };
      const low = mapNamed(updates, (g, path) => {
        const old = own(projection, path);
        if (!old) return g;
        const isDueAt = ({ t }: Pick<StepInfo, "t">) =>
          (t - 1) % updateProjGap === 0;
        onlyIf(path, g.shape, (info) => !isDueAt(info));
        const isDue = isDueAt({ t: state.steps[path]! + 1 });
        const p = next[path] = isDue
          ? tf.tidy(() => directions(g as tf.Tensor2D, rank))
          : old;
        return project(g as tf.Tensor2D, p as tf.Tensor2D);
      });
      const innerParams = lowParams(select(params, Object.keys(updates)));
      const [lowUpdates, after] = inner.update(
        low,
        { steps: state.steps, slots },
        innerParams,
        extra,
      );
      const back = mapNamed(lowUpdates, (u, path) => {
        const p = own(next, path) as tf.Tensor2D | undefined;
        if (!p) return u;
        const { shape } = updates[path]!;
        return tf.tidy(() =>
          tf.mul(projectBack(u as tf.Tensor2D, p, shape), scale)
        );
      });
      const isAny = Object.keys(projection).length > 0;
      const kept = isAny ? { ...after.slots, projection: next } : after.slots;
      return [back, { steps: after.steps, slots: kept }];
    },
  }, {
    isUniform: false,
    sumsOverStep: traitsOf(inner).sumsOverStep,
    refusal: traitsOf(inner).refusal,
  });
}

/** Whether the rows of a matrix are what is projected, the shorter axis. */
function isWide([m, n]: readonly number[]): boolean {
  return m! <= n!;
}

/** The singular vectors of the greatest singular values, along the shorter axis. */
function directions(g: tf.Tensor2D, rank: number): tf.Tensor2D {
  const wide = isWide(g.shape);
  const basis = eigenbasis(tf.matMul(g, g, !wide, wide));
  return tf.slice2d(basis, [0, 0], [basis.shape[0], rank]);
}

function project(g: tf.Tensor2D, p: tf.Tensor2D): tf.Tensor2D {
  return isWide(g.shape) ? tf.matMul(p, g, true) : tf.matMul(g, p);
}

function projectBack(
  u: tf.Tensor2D,
  p: tf.Tensor2D,
  shape: readonly number[],
): tf.Tensor2D {
  return isWide(shape) ? tf.matMul(p, u) : tf.matMul(u, p, false, true);
}
