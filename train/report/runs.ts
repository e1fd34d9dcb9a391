/**
 * The numbers of runs: a list of those of one, a table of those of several.
 *
 * @module
 */
import { formatDuration, formatNumber } from "../format.ts";
import { type RunLog, valueOf } from "../logs/run_log.ts";
import type { Mode } from "../measure.ts";
import { type Monitor, resolveMonitor } from "../monitor.ts";
import { backOf, escapeXml } from "./palette.ts";

/** The best evaluation of a run. */
interface Best {
  readonly value: number;
  readonly step: number;
}

/** The best evaluations of runs. */
export interface Ranking {
  /** What was measured, as people call it. */
  readonly label: string;
  /** That of each run, if it has one. */
  readonly values: readonly (Best | undefined)[];
  /** The index of the best run among several; -1 if there is none. */
  readonly best: number;
}

/** What runs are ranked by. */
export interface Criterion {
  /** The name of a measure of the validation data. */
  readonly name: string;
  /** Whether smaller or larger values are better. */
  readonly mode: Mode;
}

/**
 * The criterion that an option names, for measures that do not say themselves which values
 * are better.
 *
 * @throws {RangeError} If no run has the measure.
 * @throws {TypeError} If it is not known which values are better.
 */
export function criterionOf(
  runs: readonly RunLog[],
  monitor: Monitor,
): Criterion {
  const modes = ["loss", ...measuresIn(runs)]
    .map((name) => [name, name === "loss" ? "min" : undefined] as const);
  return resolveMonitor("render a report", monitor, new Map(modes), "best.");
}

/** Rank runs. */
export function rank(
  runs: readonly RunLog[],
  { name, mode }: Criterion,
): Ranking {
  const sign = mode === "min" ? 1 : -1;
  const better = (a: Best | undefined, b: Best | undefined) =>
    b && (!a || sign * b.value < sign * a.value) ? b : a;
  const values = runs.map((run) =>
    run.evaluations.reduce((best: Best | undefined, record) => {
      const value = valueOf(record, name);
      return value === undefined || !Number.isFinite(value)
        ? best
        : better(best, { value, step: record.step });
    }, undefined)
  );
  const first = values.reduce(better, undefined);
  return {
    label: nameOf(name),
    values,
    best: runs.length > 1 && first ? values.indexOf(first) : -1,
  };
}

/** The names of all measures of the validation data. */
export function measuresIn(runs: readonly RunLog[]): readonly string[] {
  return [
    ...new Set(
      runs.flatMap((run) =>
        run.evaluations.flatMap(({ values }) => Object.keys(values))
      ),
    ),
  ];
}

function nameOf(measure: string): string {
  return measure === "loss" ? "validation loss" : measure;
}

/** What is known of each run, in the same order for all. */
function columnsOf(
  runs: readonly RunLog[],
  { label, values: bests }: Ranking,
): readonly [name: string, cells: readonly string[]][] {
  const column = (name: string, cell: (run: RunLog, i: number) => string) =>
    [name, runs.map(cell)] as [string, string[]];
  const keys = [...new Set(runs.flatMap((run) => Object.keys(run.config)))];
  const columns = [
    column(
      "steps",
      (run) => String(run.end?.step ?? run.steps.at(-1)?.step ?? 0),
    ),
    column(
      "time",
      (run) => formatDuration(run.end?.time ?? run.steps.at(-1)?.time ?? 0),
    ),
    column("training loss", (run) => {
      const last = run.steps.at(-1);
      return last ? formatNumber(last.loss) : "";
    }),
    ...measuresIn(runs).map((name) =>
      column(nameOf(name), (run) => {
        const last = run.evaluations.at(-1);
        const value = last && valueOf(last, name);
        return value === undefined ? "" : formatNumber(value);
      })
    ),
    column(`best ${label}`, (_, i) => {
      const best = bests[i];
      return best ? `${formatNumber(best.value)} at ${best.step}` : "";
    }),
    column("ended", (run) => run.end?.reason ?? "under way"),
    ...keys.map((key) =>
      column(
        key,
        ({ config }) => Object.hasOwn(config, key) ? String(config[key]) : "",
      )
    ),
  ];
  return columns.filter(([, cells]) => cells.some((cell) => cell !== ""));
}

/** The numbers of runs: a list for one, a table for several with the best one marked. */
export function runsSection(
  runs: readonly RunLog[],
  ranking: Ranking,
): string {
  const columns = columnsOf(runs, ranking);
  if (runs.length === 1) {
    return definitions(columns.map(([name, [cell]]) => [name, cell!]));
  }
  const rows = runs.map((run, i) => {
    const isBest = i === ranking.best;
    return `<tr${isBest ? ' class="best"' : ""}><th><span class="swatch ${
      backOf(i)
    }"></span>${escapeXml(run.name)}${
      isBest ? '<span class="badge">best</span>' : ""
    }</th>${
      columns.map(([, cells]) => `<td>${escapeXml(cells[i]!)}</td>`).join("")
    }</tr>`;
  });
  return `<div class="table"><table>
<thead><tr><th>run</th>${
    columns.map(([name]) => `<th>${escapeXml(name)}</th>`).join("")
  }</tr></thead>
<tbody>${rows.join("\n")}</tbody>
</table></div>`;
}

/** A list of names and values; a name may be there twice. */
export function definitions(
  values: readonly (readonly [name: string, value: string])[],
): string {
  const items = values.map(([name, value]) =>
    `<div><dt>${escapeXml(name)}</dt><dd>${escapeXml(value)}</dd></div>`
  );
  return `<dl>${items.join("\n")}</dl>`;
}
