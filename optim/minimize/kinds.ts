/**
 * The methods of `minimize`, and what each needs.
 *
 * @module
 */
import { refuse } from "../../internal/check.ts";
import { defaultState } from "../../random/default.ts";
import { Bfgs } from "./bfgs.ts";
import { descend, type Ended, type Stopping } from "./descent.ts";
import { Lbfgsb } from "./lbfgsb.ts";
import type { Limits, Method } from "./method.ts";
import { NewtonCg } from "./newton_cg.ts";
import type { Objective } from "./objective.ts";
import type { MinimizeMethod, MinimizeOptions } from "./options.ts";
import { nelderMead, search } from "./values.ts";
import type { Variables } from "./variables.ts";
import type { Vector } from "./vectors.ts";

const ACTION = "minimize";

/** What `minimize` does from each start. */
export interface Start<X extends Variables> {
  readonly objective: Objective<X>;
  readonly x0: Vector;
  readonly limits: Limits;
  readonly stopping: Stopping;
  readonly options: MinimizeOptions<X>;
}

/** A method, and how it differs from others. */
export interface Kind {
  readonly bounds: "none" | "any" | "finite";
  readonly tolerance: number;
  /** For that many variables. */
  readonly maxIterations: (size: number) => number;
  readonly usesGradients: boolean;
  readonly follow: <X extends Variables>(start: Start<X>) => Promise<Ended>;
}

function byGradients(
  bounds: "none" | "any",
  method: <X extends Variables>(start: Start<X>) => Method,
): Kind {
  return {
    bounds,
    tolerance: 1e-5,
    maxIterations: () => 1000,
    usesGradients: true,
    follow: (start) => {
      const { objective, x0, limits, stopping } = start;
      const evaluate = (x: Vector) => objective.pointAt(x);
      return descend(method(start), evaluate, x0, limits, stopping);
    },
  };
}

function bySearch(name: Parameters<typeof search>[0]): Kind {
  return {
    bounds: "finite",
    tolerance: 1e-6,
    maxIterations: () => Infinity,
    usesGradients: false,
    follow: ({ objective, x0, limits, stopping, options }) =>
      search(
        name,
        (x) => objective.valueAt(x),
        x0,
        limits,
        stopping,
        options.random ?? defaultState,
      ),
  };
}

const lbfgs = <X extends Variables>({ limits, options }: Start<X>) =>
  new Lbfgsb(options.memorySize ?? 10, limits);

/** All methods. */
export const KINDS: Readonly<Record<MinimizeMethod, Kind>> = {
  "l-bfgs": byGradients("none", lbfgs),
  "l-bfgs-b": byGradients("any", lbfgs),
  "bfgs": byGradients("none", () => new Bfgs()),
  "newton-cg": byGradients(
    "none",
    ({ objective }) => new NewtonCg((x, v) => objective.hessianProduct(x, v)),
  ),
  "nelder-mead": {
    bounds: "any",
    tolerance: 1e-4,
    maxIterations: (size) => 200 * size,
    usesGradients: false,
    follow: ({ objective, x0, limits, stopping }) =>
      nelderMead((x) => objective.valueAt(x), x0, limits, stopping),
  },
  "cma-es": bySearch("cma-es"),
  "differential-evolution": bySearch("differential-evolution"),
  "particle-swarm": bySearch("particle-swarm"),
  "one-plus-one-es": bySearch("one-plus-one-es"),
  "random-search": bySearch("random-search"),
};

/** Throw if options are given that this method would leave aside, or lacks. */
export function checkNeeds<X>(
  method: MinimizeMethod,
  options: MinimizeOptions<X>,
) {
  const { bounds, memorySize, nRestarts = 0, random } = options;
  const kind = KINDS[method];
  const only = (name: string, value: unknown, who: string) =>
    refuse(ACTION, name, `left out with ${method}: it is for ${who}`, value);
  if (bounds !== undefined && kind.bounds === "none") {
    only("bounds", bounds, "l-bfgs-b, nelder-mead and searches");
  }
  if (memorySize !== undefined && !method.startsWith("l-bfgs")) {
    only("memorySize", memorySize, "l-bfgs and l-bfgs-b");
  }
  if (nRestarts > 0 && kind.bounds === "none") {
    only("nRestarts", nRestarts, "methods with bounds, to draw starts from");
  }
  if (random && nRestarts === 0 && kind.bounds !== "finite") {
    only("random", random, "searches and restarts");
  }
}

/** Throw unless all limits are finite and apart, where that is needed. */
export function checkFinite<X>(
  method: MinimizeMethod,
  { bounds, nRestarts = 0 }: MinimizeOptions<X>,
  { low, high }: Limits,
) {
  const isSearch = KINDS[method].bounds === "finite";
  if (!isSearch && nRestarts === 0) return;
  const holds = low.every((low, i) =>
    Number.isFinite(low) && Number.isFinite(high[i]!) &&
    (!isSearch || low < high[i]!)
  );
  if (holds) return;
  const why = isSearch ? method : "nRestarts";
  const apart = isSearch ? ", the first below the second," : "";
  refuse(ACTION, "bounds", `finite${apart} with ${why}`, bounds);
}
