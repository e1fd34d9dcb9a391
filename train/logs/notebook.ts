/**
 * The progress of training in a notebook.
 *
 * @module
 */
import {
  callable,
  checkOptions,
  type OptionRules,
} from "../../internal/check.ts";
import type { DenoSystem } from "../../internal/system/interface.ts";
import { deno } from "../../internal/system/system.ts";
import type { Callback, Run } from "../callback.ts";
import { formatNumber } from "../format.ts";
import { chartsOf } from "../report/charts.ts";
import { darkStyle, escapeXml } from "../report/palette.ts";
import { drawChart } from "../report/svg.ts";
import { measureFields, plain, plainFields, statusFields } from "./fields.ts";
import type { EvaluationRecord } from "./run_log.ts";

/**
 * Show something in a notebook.
 *
 * @param data The same thing by media type: `text/html` and `text/plain`.
 * @param id Names what is shown.
 * @param isUpdate Whether it replaces what was shown by this name.
 */
export type NotebookDisplayFunction = (
  data: Readonly<Record<string, string>>,
  id: string,
  isUpdate: boolean,
) => Promise<void>;

/** Options of {@linkcode notebookDisplay}. */
export interface NotebookDisplayOptions {
  /** The function that shows it. Default: that of Deno's Jupyter kernel. */
  readonly display?: NotebookDisplayFunction;
  /** Seconds between two updates, besides epochs. @default {1} */
  readonly interval?: number;
}

const RULES: OptionRules<NotebookDisplayOptions> = {
  display: callable,
  interval: "a nonnegative finite number",
};

/** The rows of epochs that are shown. */
const MOST_ROWS = 10;

/** What Deno's Jupyter kernel offers; undefined where the program does not run in it. */
function kernel(): DenoSystem["jupyter"] {
  try {
    return deno?.jupyter;
  } catch {
    return undefined; // elsewhere, Deno throws
  }
}

/** Whether the program runs in Deno's Jupyter kernel. */
export function isNotebook(): boolean {
  return kernel() !== undefined;
}

/** A row of the table. */
interface Row {
  readonly epoch: number;
  readonly loss: number | undefined;
  readonly evaluation: EvaluationRecord | undefined;
}

/**
 * Show the progress of training in a notebook: a bar, a table of the last ten epochs, and
 * the curves of losses and metrics, as one output of the cell that is updated. The
 * training loss of an epoch is the mean over its steps.
 *
 * {@linkcode progressBar} is this in Deno's Jupyter kernel.
 *
 * @param options See {@linkcode NotebookDisplayOptions}.
 * @returns A callback for `fit`.
 * @throws {Error} If there is no option `display`, and this is no notebook of Deno's
 *   kernel.
 */
export function notebookDisplay(
  options: NotebookDisplayOptions = {},
): Callback {
  checkOptions("create notebookDisplay", options, RULES);
  const { display = kernelDisplay(), interval = 1 } = options;
  const id = crypto.randomUUID();
  let rows: Row[] = [];
  let isShown = false;
  let last = -Infinity;

  const show = async (run: Run) => {
    last = performance.now();
    const evaluation = run.log.evaluations.at(-1);
    const shown = {
      record: run.log.steps.at(-1),
      loss: await run.loss(),
      evaluation,
    };
    const text = plain(plainFields(run, shown));
    const isUpdate = isShown;
    isShown = true;
    await display(
      {
        "text/html": htmlOf(run, rows, plain(statusFields(run, shown))),
        "text/plain": text,
      },
      id,
      isUpdate,
    );
  };

  return {
    async onStart(run) {
      rows = [];
      await show(run);
    },
    async onLog(run) {
      if (performance.now() - last >= 1000 * interval) await show(run);
    },
    async onEpoch(run) {
      const evaluation = run.log.evaluations.at(-1);
      rows.push({
        epoch: run.epoch,
        loss: run.epochLoss,
        evaluation: evaluation?.step === run.step ? evaluation : undefined,
      });
      await show(run);
    },
    onEnd: show,
  };
}

function kernelDisplay(): NotebookDisplayFunction {
  const jupyter = kernel();
  if (!jupyter) {
    throw new Error(
      "Cannot create notebookDisplay: it needs a notebook of Deno's Jupyter kernel, or the option display: use progressBar elsewhere",
    );
  }
  return (data, id, isUpdate) =>
    jupyter.display(data, { raw: true, display_id: id, update: isUpdate });
}

function htmlOf(run: Run, rows: readonly Row[], status: string): string {
  const { step, totalSteps, log } = run;
  const bar = totalSteps === undefined
    ? ""
    : `<progress value="${step}" max="${totalSteps}" style="width:100%"></progress>`;
  const reason = log.end ? `, ${log.end.reason}` : "";
  const charts = chartsOf([log], { label: "loss", values: [], best: -1 })
    .filter(({ title }) => !DETAILS.has(title))
    .map(({ steps, ...chart }) => drawChart({ ...chart, range: [0, steps] }));
  return `<style>${STYLE}</style>
<div class="braintape" style="max-width:60rem">
<div style="white-space:pre-wrap">${escapeXml(log.name + reason)}: ${
    escapeXml(status)
  }</div>
${bar}
${tableOf(rows)}
<div style="display:flex;flex-wrap:wrap;gap:1rem">${
    charts.map((chart) =>
      `<div style="flex:1 1 22rem;max-width:35rem">${chart}</div>`
    )
      .join("\n")
  }</div>
</div>`;
}

/** The colors of lines in the dark themes of JupyterLab and Visual Studio Code. */
const STYLE = ["[data-jp-theme-light=false]", "body.vscode-dark"]
  .map((theme) => darkStyle(`${theme} .braintape`)).join("\n");

/** Charts that are left to the report. */
const DETAILS: ReadonlySet<string> = new Set([
  "Learning rate",
  "Gradient norm",
  "Steps per second",
]);

function tableOf(rows: readonly Row[]): string {
  if (rows.length === 0) return "";
  const shown = rows.slice(-MOST_ROWS);
  const measured = shown.map(({ evaluation }) => measureFields(evaluation));
  const names = [
    ...new Set(measured.flatMap((fields) => fields.map(([name]) => name))),
  ];
  const cell = (text: string, tag: string) =>
    `<${tag} style="text-align:right;padding:0.1em 0.8em">${
      escapeXml(text)
    }</${tag}>`;
  const header = ["epoch", "loss", ...names].map((name) => cell(name, "th"));
  const lines = shown.map(({ epoch, loss }, i) => {
    const values = new Map(measured[i]);
    return [
      String(epoch),
      loss === undefined ? "" : formatNumber(loss),
      ...names.map((name) =>
        values.has(name) ? formatNumber(values.get(name)!) : ""
      ),
    ].map((text) => cell(text, "td")).join("");
  });
  return `<table style="font-size:inherit"><thead><tr>${
    header.join("")
  }</tr></thead>
<tbody>${lines.map((line) => `<tr>${line}</tr>`).join("\n")}</tbody></table>`;
}
