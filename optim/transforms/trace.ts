/**
 * Momentum.
 *
 * @module
 */
import type { GradientTransformation } from "./transformation.ts";
import {
  boolean,
  checkOptions,
  type OptionRules,
} from "../../internal/check.ts";
import { elementwise } from "./elementwise.ts";

/** Options of {@linkcode trace}. */
export interface TraceOptions {
  /** The decay rate of the trace. Default: 0.9. */
  readonly decay?: number | undefined;
  /** Whether to look one step ahead. Default: false. */
  readonly nesterov?: boolean | undefined;
}

const RULES: OptionRules<TraceOptions> = {
  decay: "a nonnegative finite number",
  nesterov: boolean,
};

/**
 * Momentum: a decaying sum of updates.
 *
 * ```text
 * b ← μ b + g      u = b, or with Nesterov's look ahead μ b + g
 * ```
 *
 * {@link https://proceedings.mlr.press/v28/sutskever13.html | Sutskever et al., 2013}.
 *
 * @param options See {@linkcode TraceOptions}.
 * @returns The transformation.
 */
export function trace(options: TraceOptions = {}): GradientTransformation {
  checkOptions("create trace", options, RULES);
  const { decay = 0.9, nesterov = false } = options;
  return elementwise({
    slots: { velocity: 0 },
    update({ update: g, velocity }) {
      velocity = velocity.mul(decay).add(g);
      return {
        update: nesterov ? velocity.mul(decay).add(g) : velocity,
        velocity,
      };
    },
  });
}
