/**
 * A page for each scheduler, from its documentation, with its curve.
 *
 * @module
 */
import { drawScheduler } from "../../draw_schedules.ts";
import { optionsOf } from "./options.ts";
import { row, toMarkdown } from "./prose.ts";
import {
  declarationOf,
  examplesOf,
  subclasses,
  type Symbols,
} from "./symbols.ts";

/** Options of an example, for schedulers that need some. */
const NEEDED: Readonly<Record<string, string>> = {
  CyclicLR: "baseLr: 0.01, maxLr: 0.1",
  MultiplicativeLR: "baseLr: 0.1, lrLambda: (e) => e % 10 ? 1 : 0.8",
  OneCycleLR: "maxLr: 0.1, totalSteps: 1000",
};

/** The address of the page of a scheduler. */
export function schedulerAddress(name: string): string {
  return `/schedulers/${name}.md`;
}

/** The names of the schedulers that have a page. */
export function schedulerNames(symbols: Symbols): string[] {
  return subclasses(symbols, "LRScheduler")
    .filter((name) => name !== "CompositeLR")
    .sort((a, b) => a.localeCompare(b));
}

/** The page of a scheduler. */
export function schedulerPage(
  symbols: Symbols,
  name: string,
  addressOf: (symbol: string) => string | undefined,
): string {
  const own = declarationOf(symbols, name);
  const text = (doc: string) => toMarkdown(doc, addressOf);
  const drawings = drawScheduler(name);
  if (drawings.length === 0) {
    throw new Error(`Cannot document ${name}: draw_schedules.ts has no panel`);
  }
  const [example = usage(name)] = examplesOf(own);
  return [
    `# ${name}`,
    text(own.jsDoc?.doc ?? ""),
    "## Curve",
    ...drawings.map((drawing) => `<figure>\n${drawing}\n</figure>`),
    "## Options",
    [
      row("option", "what it is"),
      row("---", "---"),
      ...optionsOf(symbols, own).map((option) =>
        row(`\`${option.name}\``, text(option.jsDoc?.doc ?? ""))
      ),
    ].join("\n"),
    "## Example",
    example,
  ].join("\n\n") + "\n";
}

function usage(name: string): string {
  return "```ts\n" +
    `import { optim } from "@braintape/braintape";\n\n` +
    `const lr = new optim.${name}({ ${NEEDED[name] ?? "baseLr: 0.1"} });\n` +
    "console.log([0, 10, 100].map((epoch) => lr.lrAt(epoch)));\n" +
    "const optimizer = new optim.AdamW({ lr });\n```";
}
