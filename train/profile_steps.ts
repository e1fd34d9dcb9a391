/**
 * Profiles of steps of {@linkcode fit}.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../internal/check.ts";
import type { Profile, ProfileOptions } from "../profile/mod.ts";
import { Session } from "../profile/session.ts";
import type { Callback } from "./callback.ts";

const RULES: OptionRules<ProfileOptions> = {
  steps: "a positive integer",
  warmup: "a nonnegative integer",
};

/** A callback that measures steps, and their profile. */
export interface StepProfiler extends Callback {
  /** What was measured; undefined as long as the steps have not been taken. */
  readonly profile: Profile | undefined;
}

/**
 * Profile some steps of `fit`, as {@linkcode profile} does: all that happens from the end
 * of the last step of the warm-up on, the other callbacks and evaluations included. A run
 * that ends before has a profile of the steps that it took. In mixed precision the steps up
 * to the last that is measured are read one by one, as with each callback that has `onStep`.
 *
 * @example Usage
 * ```ts
 * import { nn, optim, ParamState, tf, train, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const model = new nn.Linear(1, 1);
 * const x = train.column(Float32Array.of(0, 1, 2, 3), [1]);
 * const profiler = train.profileSteps({ steps: 5 });
 * await train.fit({
 *   optimizer: new optim.SGD({ lr: 0.1 })
 *     .registerTrainableWeights(model.states(ParamState)),
 *   loss: (x) => tf.mean<tf.Scalar>(tf.squaredDifference(model.call(x), x)),
 *   data: train.batches([x], { batchSize: 2 }),
 *   steps: 10,
 *   callbacks: [profiler],
 * });
 * console.log(profiler.profile); // a table
 * assertEquals(profiler.profile?.steps, 5);
 * ```
 *
 * @param options See {@linkcode ProfileOptions}.
 * @returns A callback for one run of `fit`.
 */
export function profileSteps(options: ProfileOptions = {}): StepProfiler {
  checkOptions("profile steps", options, RULES);
  const { steps = 10, warmup = 3 } = options;
  let session: Session | undefined;
  let profile: Profile | undefined;
  let taken = 0;
  const finish = async () => {
    if (session && session.steps > 0) profile = await session.profile();
    else session?.stop();
    session = undefined;
  };
  const onStep = async () => {
    taken++;
    session?.endStep();
    if (taken === warmup) session = new Session();
    if (session?.steps !== steps) return;
    await finish();
    delete profiler.onStep; // with it, steps in mixed precision are read one by one
  };
  const profiler: StepProfiler = {
    get profile() {
      return profile;
    },
    onStart() {
      taken = 0;
      profile = undefined;
      if (warmup === 0) session = new Session();
      profiler.onStep = onStep;
    },
    onStep,
    onEnd: finish,
  };
  return profiler;
}
