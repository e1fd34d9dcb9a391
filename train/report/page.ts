/**
 * Reports of runs: a page of HTML with charts and tables, in one file.
 *
 * @module
 */
import {
  anything,
  check,
  checkOptions,
  instanceOf,
  listOf,
  type OptionRules,
  recordOf,
  string,
} from "../../internal/check.ts";
import { Profile } from "../../profile/profile.ts";
import type { RunLog } from "../logs/run_log.ts";
import { type Monitor, MONITOR_RULES } from "../monitor.ts";
import { type Boundary, boundaryFigure } from "./boundary.ts";
import { capitalized, chartsOf } from "./charts.ts";
import { examplesSection } from "./examples_section.ts";
import type { Facts } from "./facts.ts";
import { chartFigure } from "./figure.ts";
import { heatMapFigure } from "./heat_map.ts";
import { type ModuleRow, modulesSection } from "./modules.ts";
import type { WrongExample } from "./most_wrong.ts";
import { escapeXml } from "./palette.ts";
import { profileSection } from "./profile_table.ts";
import {
  type Criterion,
  criterionOf,
  definitions,
  rank,
  runsSection,
} from "./runs.ts";
import { CHART_SCRIPT, RELOAD_SCRIPT, RELOAD_SECONDS } from "./script.ts";
import { STYLE } from "./style.ts";

/** Options of {@linkcode renderReport}. */
export interface ReportOptions {
  /** The heading. Default: the names of the runs. */
  readonly title?: string;
  /**
   * The measure that the best evaluation, and of several runs the best one, is chosen
   * by, and whether smaller or larger values of it are better. Default: the loss.
   */
  readonly best?: Monitor;
  /** The names of classes, for matrices and examples. Default: their numbers. */
  readonly classes?: readonly string[];
  /** The decision boundary of a classifier of two inputs. */
  readonly boundary?: Boundary;
  /** The examples that are most wrong, as {@linkcode mostWrong} finds them. */
  readonly examples?: readonly WrongExample[];
  /** The modules of the model, as {@linkcode modulesOf} lists them. */
  readonly modules?: readonly ModuleRow[];
  /** Paragraphs of plain text below the charts. */
  readonly notes?: readonly string[];
  /** Where the time of steps went. */
  readonly profile?: Profile;
  /** What else is to be known of the runs, by name, such as the command. */
  readonly facts?: Facts;
}

/** The options of a page, with the criterion. */
export type PageOptions = Omit<ReportOptions, "best"> & {
  readonly best: Criterion;
};

const RULES: OptionRules<ReportOptions> = {
  title: string,
  best: anything,
  classes: listOf(string),
  boundary: anything,
  examples: listOf(anything),
  modules: listOf(anything),
  notes: listOf(string),
  profile: instanceOf(Profile, "a profile"),
  facts: recordOf(string),
};

/**
 * Render a report of runs: their numbers, charts, and what the options add. It is one
 * file, which loads nothing, for light and dark themes, wide screens and phones.
 *
 * The report of one run has its training and validation loss in one chart. Several runs
 * are compared in the same charts, each in its own color, and the best one is marked.
 * The pointer shows the values of a step; drawing over a chart zooms in, a double click
 * zooms out, and names in the legend hide their lines. Metrics that are matrices are
 * drawn as of the last evaluation, of several runs those of the best one.
 *
 * @param runs The runs, as `run.log` or as read by `readRunLog`.
 * @param options See {@linkcode ReportOptions}.
 * @returns A page of HTML.
 * @throws {RangeError} If there is no run, or none has the measure of `best`.
 * @throws {TypeError} If it is not known which values of that measure are better.
 */
export function renderReport(
  runs: readonly RunLog[],
  options: ReportOptions = {},
): string {
  check("render a report", "runs", runs, listOf(anything));
  checkOptions("render a report", options, RULES);
  if (options.best !== undefined) {
    checkOptions<Monitor>(
      "render a report",
      options.best,
      MONITOR_RULES,
      "best.",
    );
  }
  if (runs.length === 0) {
    throw new RangeError("Cannot render a report: there must be a run");
  }
  const best = criterionOf(runs, options.best ?? {});
  return pageOf(runs, { ...options, best }, false);
}

/** The page of a report; of a run that goes on, it loads itself again. */
export function pageOf(
  runs: readonly RunLog[],
  options: PageOptions,
  isLive: boolean,
): string {
  const title = options.title ?? runs.map((run) => run.name).join(", ");
  const ranking = rank(runs, options.best);
  const { boundary, classes, notes = [], facts = {} } = options;
  const figures = [
    ...chartsOf(runs, ranking).map(chartFigure),
    ...matricesOf(runs, ranking.best, classes),
    ...(boundary ? [boundaryFigure(boundary)] : []),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(title)}</title>
${isLive ? reload() : ""}
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeXml(title)}</h1>
${runsSection(runs, ranking)}
<div class="charts">
${figures.join("\n")}
</div>
${examplesSection(options.examples ?? [], classes)}
${notes.map((note) => `<pre>${escapeXml(note)}</pre>`).join("\n")}
${modulesSection(options.modules ?? [])}
${options.profile ? profileSection(options.profile) : ""}
${
    Object.keys(facts).length > 0
      ? `<h2>About</h2>\n${definitions(Object.entries(facts))}`
      : ""
  }
<script>${CHART_SCRIPT}</script>
</body>
</html>
`;
}

/** In the head, so that it works even if the page is read while it is being written. */
function reload(): string {
  return `<script>${RELOAD_SCRIPT}</script>
<noscript><meta http-equiv="refresh" content="${RELOAD_SECONDS}"></noscript>`;
}

/** The matrices of the last evaluation: of the best run, or of all if none is best. */
function matricesOf(
  runs: readonly RunLog[],
  best: number,
  classes: readonly string[] | undefined,
): readonly string[] {
  return (best < 0 ? runs : [runs[best]!]).flatMap((run) => {
    const { matrices = {} } = run.evaluations.at(-1) ?? {};
    return Object.entries(matrices).map(([name, matrix]) =>
      heatMapFigure({
        title: capitalized(name) + (runs.length > 1 ? `, ${run.name}` : ""),
        matrix,
        classes,
      })
    );
  });
}
