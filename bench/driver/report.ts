import { isMet, type Section, type Target } from "./context.ts";
import { digits, table } from "./table.ts";

/** All that was found, as a page of Markdown; `isBusy` if others used the machine. */
export function report(
  about: Readonly<Record<string, string>>,
  sections: readonly Section[],
  isBusy: boolean,
): string {
  const facts = Object.entries(about).map(([name, value]) => [name, value]);
  const targets = sections.flatMap(({ targets }) => targets);
  return [
    "# Benchmarks",
    "Written by `deno task bench`. Times are the median (lowest to highest) of rounds in which all take turns, in milliseconds of each time; ratios are medians of the rounds' ratios.",
    ...(isBusy
      ? [
        "**The machine was busy when this began: the figures say little**, those of several threads least.",
      ]
      : []),
    table(["", ""], facts),
    ...(targets.length ? ["## Asked and got", asked(targets)] : []),
    ...sections.flatMap(({ title, blocks }) => [`## ${title}`, ...blocks]),
  ].join("\n\n") + "\n";
}

/** What was asked for, and what was measured. */
export function asked(targets: readonly Target[]): string {
  const hasLimits = targets.some(({ limit }) => limit !== undefined);
  const rows = targets.map((target) => {
    const { what, asked, got, limit } = target, met = isMet(target);
    return [
      what,
      "least" in asked
        ? `at least ${digits(asked.least)}`
        : `at most ${digits(asked.most)}`,
      got === undefined ? "not measured" : digits(got),
      met === undefined ? "" : met ? "yes" : "no",
      ...(hasLimits ? [limit === undefined ? "" : digits(limit)] : []),
    ];
  });
  const head = ["", "asked", "got", "met"];
  return table(hasLimits ? [...head, "at the peak"] : head, rows);
}
