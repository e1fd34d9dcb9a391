/**
 * Checks the Markdown of the project: that links and anchors lead somewhere, and
 * that a section with pictures or measured figures names the command that makes
 * them.
 *
 * @module
 */
import { markdownFiles } from "./site/files.ts";
import { anchorsOf, linksOf, prose, resolveLink } from "./site/links.ts";

const ROOT = new URL("../", import.meta.url);

/** What is wrong with a page, by line. */
export type Problem = readonly [line: number, text: string];

/** Links of a page that lead nowhere. */
export function wrongLinks(
  page: string,
  markdown: string,
  read: (path: string) => string | undefined,
): Problem[] {
  const problems: Problem[] = [];
  for (const { path, anchor, line } of linksOf(markdown)) {
    const target = resolveLink(page, path);
    const text = target === page ? markdown : read(target);
    if (text === undefined) {
      problems.push([line, `there is no ${target}`]);
    } else if (anchor && !anchorsOf(text).has(anchor)) {
      problems.push([line, `${target} has no heading #${anchor}`]);
    }
  }
  return problems;
}

const COMMAND = /\b(deno (task|run|test|bench)|python) [\w-]/;
const MEASURED =
  /\d (ms|µs|it\/s|GFLOP\/s|tokens\/s)\b|\d(\.\d+)? times as fast\b/;

/**
 * Sections with figures or pictures, where neither they nor the beginning of the
 * page names a command.
 */
export function unnamedFigures(markdown: string): Problem[] {
  const outside = prose(markdown).split("\n");
  const starts = outside.flatMap((line, i) => /^#{1,6} /.test(line) ? [i] : []);
  const lines = markdown.split("\n");
  const beginning = lines.slice(0, starts[1]).join("\n");
  return starts.flatMap((start, i): Problem[] => {
    const end = starts[i + 1] ?? lines.length;
    const figure = outside.slice(start, end).findIndex((line) =>
      MEASURED.test(line) || line.includes("![") || isRowOfNumbers(line)
    );
    if (figure < 0) return [];
    const here = lines.slice(start, end).join("\n");
    if (COMMAND.test(here) || COMMAND.test(beginning)) return [];
    return [[start + figure + 1, "no command is named for this figure"]];
  });
}

/** A row of a table with at least three numbers, beyond its first cell. */
function isRowOfNumbers(line: string): boolean {
  const cells = line.split("|").slice(2);
  return cells.filter((cell) => /^ *[\d.,]+ *$/.test(cell)).length >= 3;
}

/** A file's text, "" for a folder and for what is no text. */
function read(path: string): string | undefined {
  const url = new URL(path, ROOT);
  try {
    if (path.endsWith(".md")) return Deno.readTextFileSync(url);
    return Deno.statSync(url) && "";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

if (import.meta.main) {
  let count = 0, wrong = 0;
  for (const page of markdownFiles(ROOT)) {
    const text = read(page)!;
    count++;
    const problems = [
      ...wrongLinks(page, text, read),
      ...unnamedFigures(text),
    ];
    for (const [line, problem] of problems) {
      console.error(`${page}:${line}: ${problem}`);
    }
    wrong += problems.length;
  }
  if (wrong > 0) Deno.exit(1);
  console.log(`The links and figures of ${count} pages are right`);
}
