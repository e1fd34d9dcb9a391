/**
 * The code blocks of Markdown pages, and what is shown as their output.
 *
 * @module
 */

/** A block of code that is followed by its output. */
export interface Shown {
  /** The line of the fence above the code, from 1. */
  readonly line: number;
  /** The code. */
  readonly code: string;
  /** The output. */
  readonly output: string;
}

/**
 * The blocks of TypeScript that are followed by a block of text; how they are
 * started may stand between the two.
 */
export function shownOutputs(markdown: string): Shown[] {
  const found: Shown[] = [];
  let last: { line: number; code: string } | undefined;
  for (
    const match of markdown.matchAll(/^```(\w+)[^\n]*\n([^]*?)^```$/gm)
  ) {
    const [, language, text] = match;
    const line = markdown.slice(0, match.index).split("\n").length;
    if (language === "ts") last = { line, code: text! };
    else if (language !== "sh") {
      if (language === "text" && last) {
        found.push({ ...last, output: text!.trimEnd() });
      }
      last = undefined;
    }
  }
  return found;
}

/** What depends on the clock. */
const TIMES = /\d[\d.]* ?(it\/s|ms)|ETA [\d:]+/g;

const clean = (text: string) =>
  text.trimEnd().split("\n").map((line) =>
    line.trimEnd().replace(TIMES, (_, unit) => `# ${unit ?? ""}`)
  );

const patternOf = (line: string) =>
  line.split("...").map(RegExp.escape).join("[^\n]*?");

/**
 * Whether output is as shown. `...` stands for any text within a line, and alone
 * for any lines; times and rates are taken as equal.
 */
export function isAsShown(output: string, shown: string): boolean {
  const pattern = clean(shown)
    .map((line) => line === "..." ? "(?:[^\n]*\n)*?" : `${patternOf(line)}\n`);
  return new RegExp(`^${pattern.join("")}$`)
    .test(`${clean(output).join("\n")}\n`);
}

/**
 * Whether all lines that are shown were printed, in any order: the progress bar
 * writes to the standard error, which a log may have earlier or later.
 */
export function hasLines(output: string, shown: string): boolean {
  const printed = clean(output);
  return clean(shown).filter((line) => line !== "...")
    .every((line) =>
      printed.some((other) => RegExp(`^${patternOf(line)}$`).test(other))
    );
}

/** What each test of `deno test --doc` printed, by page and line of its fence. */
export function outputsOf(log: string): Map<string, string> {
  const outputs = new Map<string, string>();
  let name = "", inside = false;
  for (const line of log.split("\n")) {
    const start = /^running \d+ tests? from \.\/(.+)#(\d+)-\d+\.\w+$/.exec(
      line,
    );
    if (start) name = `${start[1]}:${start[2]}`;
    if (/^-+ (post-test )?output -+$/.test(line)) inside = true;
    else if (/^-+ (post-test )?output end -+$/.test(line)) inside = false;
    else if (inside) outputs.set(name, `${outputs.get(name) ?? ""}${line}\n`);
  }
  return outputs;
}
