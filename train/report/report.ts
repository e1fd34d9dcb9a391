/**
 * The report of a run, written while it goes on.
 *
 * @module
 */
import {
  anything,
  callable,
  checkOptions,
  listOf,
  type OptionRules,
  string,
} from "../../internal/check.ts";
import { filePath } from "../../internal/file_path.ts";
import type { Profile } from "../../profile/mod.ts";
import type { Callback, Run } from "../callback.ts";
import { writeText } from "../logs/folder.ts";
import { type Monitor, MONITOR_RULES, resolveMonitor } from "../monitor.ts";
import type { Boundary } from "./boundary.ts";
import { dateText, type Facts, factsNow } from "./facts.ts";
import { OutputShapes } from "./modules.ts";
import type { WrongExample } from "./most_wrong.ts";
import { pageOf, type PageOptions } from "./page.ts";
import type { Criterion } from "./runs.ts";
import { RELOAD_SECONDS } from "./script.ts";

/** Options of {@linkcode report}. */
export interface ReportCallbackOptions {
  /** The heading. Default: the name of the run. */
  readonly title?: string;
  /** The measure that the best evaluation is chosen by. Default: the loss. */
  readonly best?: Monitor;
  /** The names of classes, for matrices and examples. Default: their numbers. */
  readonly classes?: readonly string[];
  /** A function that computes the decision boundary when training ends. */
  readonly boundary?: () => Promise<Boundary>;
  /** A function that finds the most wrong examples when training ends. */
  readonly examples?: () => Promise<readonly WrongExample[]>;
  /** A function that computes paragraphs of plain text when training ends. */
  readonly notes?: () => Promise<readonly string[]>;
  /** A function that returns a profile when training ends, if there is one. */
  readonly profile?: () => Profile | undefined;
}

const RULES: OptionRules<ReportCallbackOptions> = {
  title: string,
  best: anything,
  classes: listOf(string),
  boundary: callable,
  examples: callable,
  notes: callable,
  profile: callable,
};

/** The share of the time that writing may take while training. */
const MOST_TIME = 0.05;

/**
 * Write the report of the run, as {@linkcode renderReport} renders it: when training
 * starts, after evaluations, every five seconds in between, and when training ends; less
 * often if it would take more than a twentieth of the time. A page that is open in a
 * browser follows, until then.
 *
 * With the option `model` of `fit`, it lists the modules of the model, with the shapes
 * that they returned in the first step. It names the program and its arguments, the
 * time, the backend and versions.
 *
 * @param file The path of the file; its folder is created if missing.
 * @param options See {@linkcode ReportCallbackOptions}.
 * @returns A callback for `fit`.
 */
export function report(
  file: string | URL,
  options: ReportCallbackOptions = {},
): Callback {
  const action = "create report";
  const path = filePath(action, file);
  checkOptions(action, options, RULES);
  const { best, boundary, examples, notes, profile, ...rest } = options;
  let criterion: Criterion = { name: "loss", mode: "min" };
  if (best !== undefined) {
    checkOptions<Monitor>(action, best, MONITOR_RULES, "best.");
  }
  let facts: Facts = {};
  let shapes: OutputShapes | undefined;
  /** When the last page was written, and how long to wait from then on. */
  let last = { at: 0, wait: 0 };

  const write = async ({ log }: Run, added: Partial<PageOptions> = {}) => {
    const began = performance.now();
    const now = dateText(new Date());
    const page = pageOf([log], {
      ...rest,
      best: criterion,
      ...(shapes ? { modules: shapes.rows() } : {}),
      facts: { ...facts, [log.end ? "finished" : "written"]: now },
      ...added,
    }, !log.end);
    await writeText(path, page);
    const at = performance.now();
    last = { at, wait: (at - began) / MOST_TIME };
  };
  /** Write, unless the last page was written less than `seconds` ago. */
  const update = async (run: Run, seconds: number) => {
    const wait = Math.max(1000 * seconds, last.wait);
    if (performance.now() - last.at >= wait) await write(run);
  };

  const onStep = () => {
    shapes?.stop();
    delete callback.onStep; // with it, steps in mixed precision are read one by one
  };
  const callback: Callback = {
    check({ measures }) {
      if (best === undefined) return;
      criterion = resolveMonitor("use report", best, measures, "best.");
    },
    async onStart(run) {
      facts = factsNow();
      shapes = run.model && new OutputShapes(run.model);
      await write(run);
      callback.onStep = onStep;
    },
    onStep,
    onLog: (run) => update(run, RELOAD_SECONDS),
    onEvaluation: (run) => update(run, 0),
    async onEnd(run) {
      shapes?.stop();
      // Without what is computed now, in case that throws: the run has ended all the same.
      await write(run);
      const taken = profile?.();
      const added = {
        ...(boundary ? { boundary: await boundary() } : {}),
        ...(examples ? { examples: await examples() } : {}),
        ...(notes ? { notes: await notes() } : {}),
        ...(taken ? { profile: taken } : {}),
      };
      if (Object.keys(added).length > 0) await write(run, added);
    },
  };
  return callback;
}
