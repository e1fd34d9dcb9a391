/**
 * How many evaluations our searches, and those of scipy, pycma and nevergrad, need to
 * reach the minima of known functions: writes the tables of docs/minimize.md.
 *
 * ```sh
 * deno run -A scripts/minimize_table.ts
 * ```
 *
 * The counts of the others are in tests/golden/minimize.json.
 */
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../backend/mod.ts";
import * as optim from "../optim/mod.ts";
import { CONTESTANTS, evaluations } from "../tests/optim/_contest.ts";
import { FUNCTIONS, TENSORS } from "../tests/optim/_functions.ts";
import golden from "../tests/golden/minimize.json" with { type: "json" };

const SEEDS = [0, 1, 2], MOST = 200_000;

const names = Object.keys(FUNCTIONS);
const HEAD = ["", ...names.map((name) => `${name} ${FUNCTIONS[name]!.n}-d`)];

function table(rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const [head, ...rest] = rows;
  return [line(head!), line(head!.map(() => "---")), ...rest.map(line)]
    .join("\n");
}

/** The median of three counts; all of them if one is missing. */
function shown(counts: readonly (number | null)[]): string {
  const sorted = counts.map((x) => x ?? Infinity).sort((a, b) => a - b);
  const missing = sorted.filter((x) => x === Infinity).length;
  if (missing === sorted.length) return "none";
  const median = sorted[Math.floor(sorted.length / 2)]!;
  if (missing === 0) return median.toLocaleString("en");
  const found = sorted.length - missing;
  return `${sorted[0]!.toLocaleString("en")}, ${found} of ${sorted.length}`;
}

async function searches(): Promise<string> {
  const rows = [HEAD];
  for (const [name, contestant] of Object.entries(CONTESTANTS)) {
    const cells = [`\`${name}\``];
    for (const of of names) {
      const counts: number[] = [];
      for (const seed of SEEDS) {
        counts.push(
          await evaluations(contestant, FUNCTIONS[of]!, MOST, seed),
        );
      }
      cells.push(shown(counts));
    }
    rows.push(cells);
    console.log(cells.join("  "));
  }
  const others: Record<string, Record<string, (number | null)[]>> =
    golden.counts;
  for (const [name, found] of Object.entries(others)) {
    rows.push([name, ...names.map((of) => shown(found[of]!))]);
  }
  return table(rows);
}

/** Ten variables of Rosenbrock's function, from (-1.2, 1, -1.2, 1, ...). */
async function gradients(): Promise<string> {
  await useBackend("cpu");
  const rows = [[
    "",
    "evaluations",
    "value",
    "evaluations, scipy",
    "value, scipy",
  ]];
  for (const method of ["l-bfgs-b", "bfgs", "newton-cg"] as const) {
    const x0 = tf.tensor1d(
      Array.from({ length: 10 }, (_, i) => i % 2 ? 1 : -1.2),
    );
    const { value, nEvaluations } = await optim.minimize(
      TENSORS["Rosenbrock"]!,
      x0,
      { method },
    );
    const theirs = golden.gradients[method];
    rows.push([
      `\`"${method}"\``,
      `${nEvaluations}`,
      value.toPrecision(2),
      `${theirs.nEvaluations}`,
      theirs.value.toPrecision(2),
    ]);
  }
  return table(rows);
}

const page = new URL("../docs/minimize.md", import.meta.url);
let text = await Deno.readTextFile(page);
for (const [name, made] of Object.entries({ searches, gradients })) {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const before = text.slice(0, text.indexOf(begin) + begin.length);
  const after = text.slice(text.indexOf(end));
  text = `${before}\n\n${await made()}\n\n${after}`;
}
await Deno.writeTextFile(page, text);
await new Deno.Command(Deno.execPath(), { args: ["fmt", page.pathname] })
  .output();
