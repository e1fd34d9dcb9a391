/**
 * A page for each optimizer, from its documentation, with its path on two surfaces.
 *
 * @module
 */
import * as optim from "../../../optim/mod.ts";
import { drawPath, rate } from "./draw.ts";
import { optionsOf } from "./options.ts";
import { bestPath, type Make, SURFACES } from "./paths.ts";
import { row, toMarkdown } from "./prose.ts";
import {
  type Declaration,
  declarationOf,
  examplesOf,
  subclasses,
  type Symbols,
} from "./symbols.ts";

const STEPS = 100;

/** How those are made that need more than a rate, or are better with it. */
const MAKES: Readonly<Record<string, { code: string; make: Make }>> = {
  Lookahead: {
    code: "new optim.Lookahead({ baseOptimizer: new optim.Adam({ lr }) })",
    make: (lr) =>
      new optim.Lookahead({ baseOptimizer: new optim.Adam({ lr }) }),
  },
  Cautious: {
    code: "new optim.Cautious({ baseOptimizer: new optim.Adam({ lr }) })",
    make: (lr) => new optim.Cautious({ baseOptimizer: new optim.Adam({ lr }) }),
  },
  GradientCentralization: {
    code:
      "new optim.GradientCentralization({ baseOptimizer: new optim.Momentum({ lr }) })",
    make: (lr) =>
      new optim.GradientCentralization({
        baseOptimizer: new optim.Momentum({ lr }),
      }),
  },
  Sam: {
    code: "new optim.Sam({ baseOptimizer: new optim.Momentum({ lr }) })",
    make: (lr) => new optim.Sam({ baseOptimizer: new optim.Momentum({ lr }) }),
  },
  LBFGS: {
    code: `new optim.LBFGS({ lr, linesearch: "zoom" })`,
    make: (lr) => new optim.LBFGS({ lr, linesearch: "zoom" }),
  },
};

/** Classes that evaluate the loss themselves: their own text has their rule. */
const EVALUATES: readonly string[] = ["Sam", "SOFO", "SOFOScan"];

/** Those of them that compute their direction, and take no gradients. */
const RUNS_MODEL: readonly string[] = ["SOFO", "SOFOScan"];

function makeOf(name: string): { code: string; make: Make } {
  const Class = (optim as unknown as Record<
    string,
    new (options: { lr: number }) => ReturnType<Make>
  >)[name]!;
  return MAKES[name] ??
    { code: `new optim.${name}({ lr })`, make: (lr) => new Class({ lr }) };
}

/** The address of the page of an optimizer. */
export function optimizerAddress(name: string): string {
  return `/optimizers/${name}.md`;
}

/** The names of the optimizers that have a page. */
export function optimizerNames(symbols: Symbols): string[] {
  return subclasses(symbols, "Optimizer").sort((a, b) => a.localeCompare(b));
}

/** The page of an optimizer. */
export async function optimizerPage(
  symbols: Symbols,
  name: string,
  addressOf: (symbol: string) => string | undefined,
): Promise<string> {
  const own = declarationOf(symbols, name);
  const pure = functionOf(symbols, name);
  const text = (doc: string) => toMarkdown(doc, addressOf);
  const defaults = pure?.jsDoc?.tags?.find(({ name }) => name === "options");
  const options = optionsOf(symbols, own);
  const path = RUNS_MODEL.includes(name) ? undefined : makeOf(name);
  const [example = path && usage(path.code)] = examplesOf(own);
  return [
    `# ${name}`,
    text(own.jsDoc?.doc ?? ""),
    ...(pure ? ["## Rule", ...rulesOf(symbols, pure).map(text)] : []),
    "## Options",
    text(defaults?.doc ?? ""),
    [
      row("option", "what it is"),
      row("---", "---"),
      ...options.map((option) =>
        row(`\`${option.name}\``, text(option.jsDoc?.doc ?? ""))
      ),
    ].join("\n"),
    ...(path ? await pathSection(path) : []),
    "## Example",
    example,
  ].join("\n\n") + "\n";
}

/** Where an optimizer that takes gradients goes on two surfaces. */
async function pathSection(
  { code, make }: { code: string; make: Make },
): Promise<string[]> {
  return [
    "## Path",
    `${STEPS} steps of \`${code}\`, with the rate from 1e-4 to 1 that ends lowest, of those that stay in view. ` +
    "The ring is the start, the cross the minimum.",
    ...await Promise.all(SURFACES.map(async (surface) => {
      const path = await bestPath(make, surface, STEPS);
      const end = surface.value(path.points.at(-1)!).toPrecision(2);
      return `<figure>\n${
        drawPath(surface, path)
      }\n<figcaption>${surface.title}: rate ${
        rate(path.lr)
      }, down to ${end}</figcaption>\n</figure>`;
    })),
    "Both are smooth, small and without noise: they show how a rule moves, not how well " +
    "it trains networks.",
  ];
}

/** The pure function of a class: `adamw` of `AdamW`. One that evaluates the loss has none. */
function functionOf(symbols: Symbols, name: string): Declaration | undefined {
  for (const [other, declaration] of symbols) {
    const isSame = other.toLowerCase() === name.toLowerCase();
    if (isSame && declaration.kind === "function") return declaration;
  }
  if (EVALUATES.includes(name)) return undefined;
  throw new Error(`Cannot document ${name}: it has no function`);
}

/** What a function says, and what those say that it names as its rule. */
function rulesOf(symbols: Symbols, pure: Declaration): string[] {
  const doc = pure.jsDoc?.doc ?? "";
  const others = [...doc.matchAll(/\b(scaleBy\w+|pullBack)\b/g)]
    .map(([name]) => name);
  return [
    doc,
    ...[...new Set(others)].map((other) =>
      `\`${other}\`: ${declarationOf(symbols, other).jsDoc?.doc ?? ""}`
    ),
  ];
}

function usage(code: string): string {
  return "```ts\n" +
    `import { nn, optim, ParamState, useBackend } from "@braintape/braintape";\n\n` +
    `await useBackend("wasm");\n` +
    "const model = new nn.Linear(784, 10);\nconst lr = 1e-3;\n" +
    `using optimizer = ${code}\n` +
    "  .registerTrainableWeights(model.states(ParamState));\n```";
}
