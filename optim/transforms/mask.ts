/**
 * Masks: selections of parameters.
 *
 * @module
 */
import { check, listOf, rule } from "../../internal/check.ts";

/**
 * Selects parameters: those with a path that a regular expression matches, or those
 * for which a function of path and shape returns true.
 */
export type Mask =
  | RegExp
  | ((path: string, shape: readonly number[]) => boolean);

/** Whether `mask` holds for a parameter; without a mask it does. */
export function matches(
  mask: Mask | undefined,
  path: string,
  shape: readonly number[],
): boolean {
  if (!mask) return true;
  // `search` ignores `lastIndex`, which a global expression would continue from.
  if (mask instanceof RegExp) return path.search(mask) >= 0;
  return mask(path, shape);
}

/** Selects parameters of two or more axes: weights, not biases and gains. */
export function isMatrix(_path: string, shape: readonly number[]): boolean {
  return shape.length > 1;
}

/**
 * Selects what usually decays: parameters of two or more axes that are called neither
 * `bias` nor as `paths` say, such as embeddings and tokens.
 *
 * As timm's `param_groups_weight_decay`.
 *
 * @example Usage
 * ```ts
 * import { optim } from "@braintape/braintape";
 *
 * const decayMask = optim.matricesExcept("token", /embedding/);
 * new optim.AdamW({ lr: 1e-3, weightDecay: 0.05, decayMask });
 * ```
 *
 * @param paths Whole paths, or patterns that paths match.
 * @returns A mask, for `decayMask` of an optimizer.
 */
export function matricesExcept(...paths: readonly (string | RegExp)[]): Mask {
  const kind = rule(
    "a path or a regular expression",
    (x) => typeof x === "string" || x instanceof RegExp,
  );
  check("create matricesExcept", "paths", paths, listOf(kind));
  const isNamed = (path: string) =>
    paths.some((x) => typeof x === "string" ? x === path : path.search(x) >= 0);
  return (path, shape) =>
    isMatrix(path, shape) && !/(^|\.)bias$/.test(path) && !isNamed(path);
}
