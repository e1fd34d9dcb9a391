/**
 * Reports of runs: a page of HTML with charts and a table, in one file.
 *
 * @module
 */
import {
  anything,
  callable,
  checkOptions,
  instanceOf,
  listOf,
  type OptionRules,
  string,
} from "../../internal/check.ts";
import { filePath } from "../../internal/file_path.ts";
import { Profile } from "../../profile/profile.ts";
import type { Callback } from "../callback.ts";
import { type Boundary, boundaryChart } from "./boundary.ts";
import { writeText } from "../logs/folder.ts";
import { formatDuration, formatNumber } from "../format.ts";
import { type RunLog, type StepRecord, valueOf } from "../logs/run_log.ts";
import { profileSection } from "./profile_table.ts";
import { colorOf, escapeXml, lineChart, type Series } from "./svg.ts";

/** Options of {@linkcode renderReport}. */
export interface ReportOptions {
  /** The heading. Default: the names of the runs. */
  readonly title?: string;
  /** The decision boundary of a classifier of two inputs. */
  readonly boundary?: Boundary;
  /** Paragraphs of plain text below the charts. */
  readonly notes?: readonly string[];
  /** Where the time of steps went. */
  readonly profile?: Profile;
}

const RULES: OptionRules<ReportOptions> = {
  title: string,
  boundary: anything,
  notes: listOf(string),
  profile: instanceOf(Profile, "a profile"),
};

/**
 * Render a report of runs.
 *
 * The report of one run has its training and validation loss in one chart. Several
 * runs are compared in the same charts, each in its own color.
 *
 * @param runs The runs, as `run.log` or as read by `readRunLog`.
 * @param options See {@linkcode ReportOptions}.
 * @returns A page of HTML.
 * @throws {RangeError} If there is no run.
 */
export function renderReport(
  runs: readonly RunLog[],
  options: ReportOptions = {},
): string {
  checkOptions("render a report", options, RULES);
  if (runs.length === 0) {
    throw new RangeError("Cannot render a report: there must be a run");
  }
  const title = options.title ?? runs.map((run) => run.name).join(", ");
  const boundary = options.boundary ? [boundaryChart(options.boundary)] : [];
  const charts = [...chartsOf(runs), ...boundary];
  const notes = (options.notes ?? []).map((note) =>
    `<pre>${escapeXml(note)}</pre>`
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeXml(title)}</h1>
${tableOf(runs)}
<div class="charts">
${charts.map((chart) => `<figure>${chart}</figure>`).join("\n")}
</div>
${notes.join("\n")}
${options.profile ? profileSection(options.profile) : ""}
</body>
</html>
`;
}

/** Options of {@linkcode report}. */
export interface ReportCallbackOptions {
  /** The heading. Default: the name of the run. */
  readonly title?: string;
  /** A function that computes the decision boundary when training ends. */
  readonly boundary?: () => Promise<Boundary>;
  /** A function that computes paragraphs of plain text when training ends. */
  readonly notes?: () => Promise<readonly string[]>;
  /** A function that returns a profile when training ends, if there is one. */
  readonly profile?: () => Profile | undefined;
}

const CALLBACK_RULES: OptionRules<ReportCallbackOptions> = {
  title: string,
  boundary: callable,
  notes: callable,
  profile: callable,
};

/**
 * Write the report of the run after each evaluation and when training ends.
 *
 * @param file The path of the file; its folder is created if missing.
 * @param options See {@linkcode ReportCallbackOptions}.
 * @returns A callback for `fit`.
 */
export function report(
  file: string | URL,
  options: ReportCallbackOptions = {},
): Callback {
  const path = filePath("create report", file);
  checkOptions("create report", options, CALLBACK_RULES);
  const { title, boundary, notes, profile } = options;
  const heading = title === undefined ? {} : { title };
  const write = (log: RunLog, rest: ReportOptions) =>
    writeText(path, renderReport([log], { ...heading, ...rest }));
  return {
    onEvaluation: ({ log }) => write(log, {}),
    onEnd: async ({ log }) =>
      await write(log, {
        ...boundary ? { boundary: await boundary() } : {},
        ...notes ? { notes: await notes() } : {},
        ...profileOf(profile),
      }),
  };
}

function profileOf(
  profile: (() => Profile | undefined) | undefined,
): Pick<ReportOptions, "profile"> {
  const taken = profile?.();
  return taken ? { profile: taken } : {};
}

function chartsOf(runs: readonly RunLog[]): string[] {
  const single = runs.length === 1;
  const series = (
    pick: (record: StepRecord) => number | undefined,
    smooth: boolean,
  ): Series[] =>
    runs.map((run, i) => ({
      name: run.name,
      color: i,
      smooth,
      marks: false,
      points: run.steps.flatMap((record) => {
        const y = pick(record);
        return y === undefined ? [] : [[record.step, y] as const];
      }),
    }));
  const evaluated = (name: string): Series[] =>
    runs.map((run, i) => ({
      name: run.name,
      color: i,
      points: run.evaluations.flatMap((record) => {
        const y = valueOf(record, name);
        return y === undefined ? [] : [[record.step, y] as const];
      }),
    }));
  const names = [
    ...new Set(
      runs.flatMap((run) =>
        run.evaluations.flatMap(({ values }) => Object.keys(values))
      ),
    ),
  ];
  const losses = series((record) => record.loss, true);
  const charts: [title: string, series: Series[], log: boolean][] = [];
  const log = isWide(losses);
  if (single) {
    const validation = {
      ...evaluated("loss")[0]!,
      name: "validation",
      color: 1,
    };
    const both = [{ ...losses[0]!, name: "training" }, validation];
    const shown = both.filter(({ points }) => points.length > 0);
    charts.push(["Loss", shown, isWide(shown)]);
  } else {
    charts.push(["Training loss", losses, log]);
    if (names.includes("loss")) {
      charts.push(["Validation loss", evaluated("loss"), log]);
    }
  }
  for (const name of names.filter((name) => name !== "loss")) {
    charts.push([capitalized(name), evaluated(name), false]);
  }
  charts.push([
    "Learning rate",
    series((record) => record.lr, false),
    false,
  ]);
  const norms = series((record) => record.gradNorm, true);
  if (norms.some(({ points }) => points.length > 0)) {
    charts.push(["Gradient norm", norms, isWide(norms)]);
  }
  charts.push([
    "Steps per second",
    series((record) => record.rate, true),
    false,
  ]);
  return charts.map(([title, series, log]) =>
    lineChart({ title, series, log })
  );
}

/** Whether the values span more than a factor of 20, for a logarithmic axis. */
function isWide(series: readonly Series[]): boolean {
  const values = series.flatMap((s) => s.points).map(([, y]) => y)
    .filter(Number.isFinite);
  if (values.length === 0 || values.some((y) => y <= 0)) return false;
  const max = values.reduce((a, b) => Math.max(a, b));
  const min = values.reduce((a, b) => Math.min(a, b));
  return max / min > 20;
}

function tableOf(runs: readonly RunLog[]): string {
  const values = [
    ...new Set(
      runs.flatMap((run) => Object.keys(run.evaluations.at(-1)?.values ?? {})),
    ),
  ];
  const keys = [...new Set(runs.flatMap((run) => Object.keys(run.config)))];
  const header = [
    "run",
    "steps",
    "time",
    "training loss",
    ...values.map((name) => name === "loss" ? "validation loss" : name),
    "ended",
    ...keys,
  ];
  const rows = runs.map((run, i) => {
    const last = run.steps.at(-1);
    const evaluation = run.evaluations.at(-1);
    const time = run.end?.time ?? last?.time ?? 0;
    const cells = [
      String(run.end?.step ?? last?.step ?? 0),
      formatDuration(time),
      last ? formatNumber(last.loss) : "",
      ...values.map((name) => {
        const value = evaluation && valueOf(evaluation, name);
        return value === undefined ? "" : formatNumber(value);
      }),
      run.end?.reason ?? "under way",
      ...keys.map((key) =>
        Object.hasOwn(run.config, key) ? String(run.config[key]) : ""
      ),
    ];
    return `<tr><th style="border-left:4px solid ${colorOf(i)}">${
      escapeXml(run.name)
    }</th>${cells.map((cell) => `<td>${escapeXml(cell)}</td>`).join("")}</tr>`;
  });
  return `<div class="table"><table>
<thead><tr>${
    header.map((cell) => `<th>${escapeXml(cell)}</th>`).join("")
  }</tr></thead>
<tbody>${rows.join("\n")}</tbody>
</table></div>`;
}

function capitalized(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}

const STYLE = `
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1200px; padding: 0 1rem; }
h1 { font-size: 1.4rem; }
h2 { font-size: 1.1rem; margin-top: 2rem; }
.bar { display: inline-block; height: 0.7rem; border-radius: 2px; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem; }
th, td { padding: 0.3rem 0.7rem; text-align: left; white-space: nowrap; border-bottom: 1px solid #8884; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr)); gap: 1rem; margin-top: 1.5rem; }
figure { margin: 0; border: 1px solid #8884; border-radius: 8px; padding: 0.5rem; }
svg { display: block; width: 100%; height: auto; }
pre { white-space: pre-wrap; border: 1px solid #8884; border-radius: 8px; padding: 1rem; }
`;
