/**
 * Updates of several transformations together.
 *
 * What sums over all parameters of a step, such as the norm that clips gradients, goes
 * over all of them, whether the parameters are in one group or several, and whether
 * their transformations run as one kernel or part by part.
 *
 * @module
 */
import { runLaunches } from "../../backend/fusion/mod.ts";
import { inFullPrecision } from "../../backend/precision.ts";
import { fromNames, type Tensors } from "../../tensors.ts";
import {
  behindGate,
  byKernel,
  FRESH,
  pureKernel,
  rowOf,
  slotKernel,
} from "./kernels.ts";
import {
  joinedState,
  joinStates,
  mergeStates,
  nextState,
  select,
  stateOf,
} from "./opt_state.ts";
import type { CompleteRule } from "./rule.ts";
import type {
  GradientTransformation,
  OptState,
  UpdateExtra,
} from "./transformation.ts";

/** How a transformation is made of others. */
export type Structure =
  | {
    /** One after another. */
    readonly sequence: readonly GradientTransformation[];
  }
  | {
    /** The parts, in the order of their labels, with the paths of each. */
    readonly divide: (
      params: Tensors,
    ) => readonly (readonly [GradientTransformation, string, string[]])[];
  }
  | {
    /** Parts in turns, with something done between them. */
    readonly turns: Turns;
  };

/** A computation that hands out its elementwise parts. */
type Running = Generator<Waiting, Result, Result>;

/** Computes a job by way of those of parts, each of which has a number. */
export type Turns = (
  job: Job,
  part: (i: number, job: Job) => Running,
) => Running;

const STRUCTURE = Symbol("structure");

type Structured = GradientTransformation & { [STRUCTURE]?: Structure };

/** The transformation that is made of others in the way that `structure` says. */
export function structured(
  structure: Structure,
  init: GradientTransformation["init"],
): GradientTransformation {
  const tx: Structured = {
    init,
    update: (updates, state, params, extra) =>
      updateJointly([{ tx, updates, state, params, extra }])[0]!,
    [STRUCTURE]: structure,
  };
  return tx;
}

/** An update to compute. */
export interface Job {
  /** The transformation. */
  readonly tx: GradientTransformation;
  /** Gradients, or what comes of them. */
  readonly updates: Tensors;
  /** The state of the transformation. */
  readonly state: OptState;
  /** The parameters. */
  readonly params: Tensors;
  /** Further input. */
  readonly extra?: UpdateExtra | undefined;
  /** Whether slots may be overwritten, unless the step turns out to be void. */
  readonly overwrites?: boolean | undefined;
}

type Result = [updates: Tensors, state: OptState];

/** Where in a transformation something is: numbers of parts, and labels. */
type Position = readonly (number | string)[];

/** An elementwise transformation that waits to run with others. */
interface Waiting {
  readonly at: Position;
  readonly job: RuleJob;
}

/** Updates by a rule for each parameter. */
export interface RuleJob extends Omit<Job, "tx"> {
  /** The rule of a parameter. */
  readonly ruleOf: (path: string, shape: readonly number[]) => CompleteRule;
}

/** The results of `jobs`: elementwise parts at the same position run together. */
export function updateJointly(jobs: readonly Job[]): Result[] {
  const running = jobs.map((job) => advance(job, []));
  const states = running.map((each) => each.next());
  for (;;) {
    const waiting = states.flatMap(({ done, value }, i) =>
      done ? [] : [[i, value as Waiting] as const]
    );
    if (waiting.length === 0) break;
    const first = waiting.map(([, { at }]) => at)
      .reduce((a, b) => compare(b, a) < 0 ? b : a);
    const batch = waiting.filter(([, { at }]) => compare(at, first) === 0);
    const results = updateByRules(batch.map(([, { job }]) => job));
    batch.forEach(([i], k) => states[i] = running[i]!.next(results[k]!));
  }
  return states.map(({ value }) => value as Result);
}

/** Compute `job`, and hand out its elementwise parts one by one. */
function* advance(job: Job, at: Position): Running {
  const { tx, state, params, extra, overwrites } = job;
  let { updates } = job;
  if (tx.rule) {
    const ruleOf = tx.rule;
    const own = { ruleOf, updates, state, params, extra, overwrites };
    return yield { at, job: own };
  }
  const structure = (tx as Structured)[STRUCTURE];
  if (!structure) {
    return inFullPrecision(() => tx.update(updates, state, params, extra));
  }
  if ("sequence" in structure) {
    const states: OptState[] = [];
    for (const [i, part] of structure.sequence.entries()) {
      const own = joinedState(state, i);
      const next = { ...job, tx: part, updates, state: own };
      const [after, afterState] = yield* advance(next, [...at, i]);
      updates = after;
      states.push(afterState);
    }
    return [updates, joinStates(states)];
  }
  if ("turns" in structure) {
    // What is between the parts may need what slots held before.
    return yield* structure.turns(
      job,
      (i, own) => advance({ ...own, overwrites: false }, [...at, i]),
    );
  }
  const all: Record<string, Tensors[string]> = {}, states: OptState[] = [];
  const present = select(params, Object.keys(updates));
  for (const [part, label, paths] of structure.divide(present)) {
    const own = {
      tx: part,
      updates: select(updates, paths),
      state,
      params: select(params, paths),
      extra,
      overwrites,
    };
    const [after, afterState] = yield* advance(own, [...at, label]);
    Object.assign(all, after);
    states.push(stateOf(afterState, paths));
  }
  return [all, mergeStates(state, ...states)];
}

/** Compute all of `jobs` in one run. */
export function updateByRules(jobs: readonly RuleJob[]): Result[] {
  const jobOf = new Map(
    jobs.flatMap((job) => Object.keys(job.updates).map((path) => [path, job])),
  );
  const launches = byKernel([...jobOf.keys()], (path) => {
    const job = jobOf.get(path)!, { updates, state, params, extra } = job;
    const rule = job.ruleOf(path, params[path]!.shape);
    const rate = extra?.rates?.[path];
    const row = rowOf(rule, path, updates, state, params, rate);
    return job.overwrites
      ? behindGate(slotKernel(rule), row)
      : [pureKernel(rule), row];
  });
  const outputs = runLaunches(launches);
  const next: Record<string, Tensors> = {};
  launches.forEach(({ paths }, k) => {
    paths.forEach((path, i) => {
      const fresh = Object.entries(outputs[k]![i]!);
      next[path] = Object.fromEntries(
        fresh.map(([name, x]) => [
          name.startsWith(FRESH) ? name.slice(FRESH.length) : name,
          x,
        ]),
      );
    });
  });
  return jobs.map(({ updates, state }) => {
    const paths = Object.keys(updates);
    return [
      fromNames(paths, (path) => next[path]!["update"]!),
      nextState(state, select(next, paths)),
    ];
  });
}

/** Positions in order; the first of the parts is where the whole begins. */
function compare(a: Position, b: Position): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const x = a[i] ?? 0, y = b[i] ?? 0;
    if (x === y) continue;
    if (typeof x === typeof y) return x < y ? -1 : 1;
    return typeof x === "number" ? -1 : 1;
  }
  return 0;
}
