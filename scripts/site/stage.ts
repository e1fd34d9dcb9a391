/**
 * Copies the Markdown of the project to where the generator reads it, with links
 * changed to where their files are on the site.
 *
 * @module
 */
import { dirname } from "node:path/posix";
import { isExternal, prose, resolveLink } from "./links.ts";
import { folderPage, isPicture, sitePath, sourcePage } from "./pages.ts";

/** Pages by their paths on the site, and the pictures that they show. */
export interface Stage {
  readonly pages: Map<string, string>;
  readonly pictures: Set<string>;
}

/**
 * The pages of Markdown files, and of all files that they link to.
 *
 * @param files Markdown by its path from the project's root.
 * @param read What reads other files: text, or the names in a folder.
 */
export function stage(
  files: ReadonlyMap<string, string>,
  read: (path: string) => string | string[],
): Stage {
  const pages = new Map<string, string>();
  const pictures = new Set<string>();
  const waiting = [...files.keys()];
  for (const file of waiting) {
    if (isPicture(file)) {
      pictures.add(file);
      continue;
    }
    const page = sitePath(file);
    if (pages.has(page)) continue;
    let markdown = files.get(file);
    let from = file;
    if (markdown === undefined) {
      const found = read(file);
      markdown = typeof found === "string"
        ? sourcePage(file, found)
        : folderPage(file, found);
      if (typeof found !== "string") from = `${file}/index`;
    }
    pages.set(
      page,
      relink(markdown, (path) => {
        const target = resolveLink(from, path);
        waiting.push(target);
        return `/${sitePath(target)}`;
      }),
    );
  }
  return { pages, pictures };
}

/** Change the paths of the links of a page, but of those to itself and elsewhere. */
function relink(markdown: string, to: (path: string) => string): string {
  const outside = prose(markdown);
  let changed = "", end = 0;
  for (const match of outside.matchAll(/\]\(([^()\s#]+)(?:#[^()\s]*)?\)/g)) {
    const [path, start] = [match[1]!, match.index + "](".length];
    if (isExternal(path)) continue;
    changed += markdown.slice(end, start) + to(path);
    end = start + path.length;
  }
  return changed + markdown.slice(end);
}

/** Write pages and pictures into a folder. */
export async function writeStage(
  { pages, pictures }: Stage,
  root: URL,
  folder: URL,
): Promise<void> {
  const write = async (path: string, text: string) => {
    const to = new URL(path, folder);
    await Deno.mkdir(new URL(`${dirname(to.pathname)}/`, to), {
      recursive: true,
    });
    await Deno.writeTextFile(to, text);
  };
  for (const [path, text] of pages) await write(path, text);
  for (const picture of pictures) {
    const to = new URL(`public/${sitePath(picture)}`, folder);
    await Deno.mkdir(new URL(".", to), { recursive: true });
    await Deno.copyFile(new URL(picture, root), to);
  }
}
