/**
 * The pages of all optimizers and schedulers.
 *
 * @module
 */
import { useBackend } from "../../../backend/mod.ts";
import {
  optimizerAddress,
  optimizerNames,
  optimizerPage,
} from "./optimizer_pages.ts";
import { toMarkdown } from "./prose.ts";
import {
  schedulerAddress,
  schedulerNames,
  schedulerPage,
} from "./scheduler_pages.ts";
import { declarationOf, readSymbols, type Symbols } from "./symbols.ts";

/**
 * The pages of what `optim` exports.
 *
 * @returns Markdown by the path on the site.
 */
export async function referencePages(root: URL): Promise<Map<string, string>> {
  const symbols = await readSymbols(new URL("optim/mod.ts", root));
  await useBackend("wasm", { threads: 1 });
  const optimizers = optimizerNames(symbols);
  const schedulers = schedulerNames(symbols);
  const addresses = new Map([
    ...optimizers.map((name) => [name, optimizerAddress(name)] as const),
    ...schedulers.map((name) => [name, schedulerAddress(name)] as const),
  ]);
  const addressOf = (symbol: string) => addresses.get(symbol);
  const pages = new Map<string, string>();
  const add = (address: string, text: string) =>
    pages.set(address.slice(1), text);
  for (const name of optimizers) {
    add(optimizerAddress(name), await optimizerPage(symbols, name, addressOf));
  }
  for (const name of schedulers) {
    add(schedulerAddress(name), schedulerPage(symbols, name, addressOf));
  }
  add("/optimizers/index.md", indexPage("Optimizer", optimizers));
  add("/schedulers/index.md", indexPage("Scheduler", schedulers));
  return pages;

  // A list rather than a table: on a phone a table has no room for sentences.
  function indexPage(kind: string, names: string[]): string {
    const lines = names.map((name) =>
      `- [${name}](${addressOf(name)}): ${adviceOf(symbols, name, addressOf)}`
    );
    return [`# ${kind}s`, "", "When to take each:", "", ...lines, ""].join(
      "\n",
    );
  }
}

/** The paragraph of a class that says when to take it. */
function adviceOf(
  symbols: Symbols,
  name: string,
  addressOf: (symbol: string) => string | undefined,
): string {
  const { jsDoc } = declarationOf(symbols, name);
  const advice = (jsDoc?.doc ?? "").split("\n\n")
    .find((paragraph) => paragraph.startsWith("Take it "));
  if (!advice) {
    throw new Error(`Cannot document ${name}: it does not say when to take it`);
  }
  return toMarkdown(advice, addressOf).replace(/^Take it /, "")
    .replaceAll("\n", " ");
}
