import type { Batch } from "../data/batch.ts";
import type { FitOptions } from "./fit_options.ts";
import { JointTeam } from "./joint_team.ts";
import { LocalTeam } from "./local_team.ts";
import type { Team } from "./team.ts";

/** The ranks for the options of a run; `place` gives the position in the data. */
export function teamFor<B extends Batch>(
  options: FitOptions<B>,
  place: () => unknown,
): Team | undefined {
  const { world, diloco } = options;
  if (!world) return undefined;
  // One rank that meets itself still follows the outer optimizer.
  if (diloco) return new LocalTeam(world, options, diloco);
  return world.size > 1 ? new JointTeam(world, place, options) : undefined;
}
