/**
 * The links of Markdown: where they are, and what they lead to.
 *
 * @module
 */
import { dirname, join, normalize } from "node:path/posix";

/** A link or picture of a page. */
export interface Link {
  /** As it is written, without an anchor: "" is the page itself. */
  readonly path: string;
  /** After the `#`, or "". */
  readonly anchor: string;
  /** The line that it is in, from 1. */
  readonly line: number;
}

/** Inline links, pictures, and the attributes of HTML. */
const LINK = /\]\(([^()\s]+)\)|(?:href|src)="([^"]+)"/g;

/** Everything but code, with as many lines as before. */
export function prose(markdown: string): string {
  const blank = (text: string) => text.replace(/[^\n]/g, " ");
  return markdown
    .replace(/^( *)(```+|~~~+)[^]*?^\1\2 *$/gm, blank)
    .replace(/(`+)[^`][^]*?\1/g, blank);
}

/** Whether a link leads out of the project. */
export function isExternal(path: string): boolean {
  return /^[a-z][a-z+.-]*:/i.test(path);
}

/** The links of a page to other files of the project, and to parts of itself. */
export function linksOf(markdown: string): Link[] {
  const found: Link[] = [];
  for (const [line, text] of prose(markdown).split("\n").entries()) {
    for (const [, inline, attribute] of text.matchAll(LINK)) {
      const target = (inline ?? attribute)!;
      if (isExternal(target)) continue;
      const [path, anchor = ""] = target.split("#", 2);
      found.push({ path: path!, anchor, line: line + 1 });
    }
  }
  return found;
}

/** The file or folder that a link of `page` leads to; both from the project's root. */
export function resolveLink(page: string, path: string): string {
  if (path === "") return page;
  return normalize(join(dirname(page), path)).replace(/\/$/, "");
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  const outside = prose(markdown).split("\n");
  for (const [i, line] of markdown.split("\n").entries()) {
    if (!/^#{1,6} /.test(outside[i]!)) continue;
    const anchor = slug(line.replace(/^#+ /, ""));
    let unique = anchor;
    for (let n = 1; anchors.has(unique); n++) unique = `${anchor}-${n}`;
    anchors.add(unique);
  }
  return anchors;
}

/** The anchor of a heading. */
export function slug(heading: string): string {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[`*]/g, "")
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
    .replaceAll(" ", "-");
}
