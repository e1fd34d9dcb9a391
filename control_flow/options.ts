/**
 * What all loops can be told.
 *
 * @module
 */
import { boolean, type OptionRules } from "../internal/check.ts";

/** Options of all loops. */
export interface LoopOptions {
  /**
   * Whether to compile the body once some iterations have run, if many remain and
   * nothing is being differentiated or recorded. The bits are the same. What the body
   * does other than with tensors and states is then no longer done: turn it off if it
   * counts, prints or collects, or if it depends on numbers of JavaScript that change
   * in the course of the loop. The program is freed when the loop ends; to keep it for
   * the next loop, turn this off and give a body that `compile` has returned.
   *
   * @default {true}
   */
  readonly compile?: boolean;
  /**
   * Whether a gradient keeps only what each iteration begins with, and runs it again:
   * less memory for more time, as `autodiff.recompute`. Second derivatives, and
   * loops inside of `vmap`, keep everything.
   *
   * @default {false}
   */
  readonly recompute?: boolean;
}

/** The rules of {@linkcode LoopOptions}. */
export const LOOP_RULES: OptionRules<LoopOptions> = {
  compile: boolean,
  recompute: boolean,
};
