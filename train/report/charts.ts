/**
 * The charts of runs.
 *
 * @module
 */
import {
  type EvaluationRecord,
  type RunLog,
  type StepRecord,
  trainingValueOf,
  valueOf,
} from "../logs/run_log.ts";
import type { Chart } from "./figure.ts";
import type { Series } from "./plot.ts";
import { measuresIn, type Ranking } from "./runs.ts";

/** The charts of one run, or of several with a line for each. */
export function chartsOf(
  runs: readonly RunLog[],
  { best }: Ranking,
): readonly Chart[] {
  // All charts have the same steps, so that they can be compared.
  const steps = runs.flatMap((
    run,
  ) => [run.steps.at(-1), run.evaluations.at(-1)])
    .reduce((most, record) => Math.max(most, record?.step ?? 0), 1);
  const measured = runs.length === 1
    ? measuresOfOne(runs[0]!)
    : measuresOfSeveral(runs, best);
  const lines = (pick: Pick<StepRecord>, smooth: boolean) =>
    runs.map((run, i) => ({
      ...lineOf(run.steps, pick, nameOf(run, i, best), i),
      smooth,
      marks: false,
    }));
  return [
    ...measured,
    chartOf("Learning rate", lines(({ lr }) => lr, false), false),
    chartOf("Gradient norm", lines(({ gradNorm }) => gradNorm, true)),
    chartOf("Steps per second", lines(({ rate }) => rate, true), false),
  ].filter(({ series, title }) =>
    title === "Loss" || title === "Training loss" ||
    series.some(({ points }) => points.length > 0)
  ).map((chart) => ({ ...chart, steps }));
}

/** A chart, whatever its steps. */
type Drawn = Omit<Chart, "steps">;

/** The value of a record that a line shows, if the record has it. */
type Pick<R> = (record: R) => number | undefined;

/** Training, validation and the training sample in the same charts. */
function measuresOfOne(run: RunLog): Drawn[] {
  const training = {
    ...lineOf(run.steps, ({ loss }) => loss, "training", 0),
    smooth: true,
    marks: false,
  };
  const measures = (name: string) =>
    [
      lineOf(run.evaluations, (r) => valueOf(r, name), "validation", 1),
      lineOf(
        run.evaluations,
        (r) => trainingValueOf(r, name),
        "training sample",
        2,
      ),
    ].filter(({ points }) => points.length > 0);
  const names = measuresIn([run]).filter((name) => name !== "loss");
  return [
    chartOf("Loss", [training, ...measures("loss")]),
    ...names.map((name) => chartOf(capitalized(name), measures(name), false)),
  ];
}

function measuresOfSeveral(runs: readonly RunLog[], best: number): Drawn[] {
  const lines = <R extends StepRecord | EvaluationRecord>(
    records: (run: RunLog) => readonly R[],
    pick: Pick<R>,
  ) =>
    runs.map((run, i) => lineOf(records(run), pick, nameOf(run, i, best), i));
  const training = lines(({ steps }) => steps, ({ loss }) => loss)
    .map((series) => ({ ...series, smooth: true, marks: false }));
  // Both losses have the same kind of axis.
  const isLog = isWide(training);
  const charts = measuresIn(runs).map((name) =>
    chartOf(
      name === "loss" ? "Validation loss" : capitalized(name),
      lines(({ evaluations }) => evaluations, (r) => valueOf(r, name)),
      name === "loss" && isLog,
    )
  );
  return [chartOf("Training loss", training, isLog), ...charts];
}

function lineOf<R extends { readonly step: number }>(
  records: readonly R[],
  pick: Pick<R>,
  name: string,
  color: number,
): Series {
  const points = records.flatMap((record) => {
    const y = pick(record);
    return y === undefined ? [] : [[record.step, y] as const];
  });
  return { name, color, points };
}

/** A chart; by default its vertical axis is logarithmic if the values ask for it. */
function chartOf(
  title: string,
  series: readonly Series[],
  log: boolean = isWide(series),
): Drawn {
  return { title, series, log };
}

/** Whether the values span more than a factor of 20. */
function isWide(series: readonly Series[]): boolean {
  const values = series.flatMap((s) => s.points).map(([, y]) => y)
    .filter(Number.isFinite);
  if (values.length === 0 || values.some((y) => y <= 0)) return false;
  const max = values.reduce((a, b) => Math.max(a, b));
  const min = values.reduce((a, b) => Math.min(a, b));
  return max / min > 20;
}

function nameOf({ name }: RunLog, i: number, best: number): string {
  return i === best ? `${name} (best)` : name;
}

/** A text whose first letter is a capital. */
export function capitalized(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}
