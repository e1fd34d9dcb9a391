/**
 * The reference of the API, which `deno doc` writes, and a page that leads to it.
 *
 * @module
 */
import { ENTRIES } from "../entries.ts";
import { row, toMarkdown } from "./reference/prose.ts";

/** A module of the library. */
export interface Module {
  /** Its folder in the reference. */
  readonly folder: string;
  /** What it is imported from. */
  readonly specifier: string;
  /** The first paragraph of its documentation. */
  readonly about: string;
}

/** The modules that have a reference, with `exports` as in deno.json. */
export function modules(
  root: URL,
  name: string,
  exports: Readonly<Record<string, string>>,
): Module[] {
  const names = new Map(
    Object.entries(exports).map(([key, path]) => [path, key]),
  );
  return ENTRIES.map((entry) => {
    const key = names.get(`./${entry}`)?.slice("./".length);
    const text = Deno.readTextFileSync(new URL(entry, root));
    const [, comment = ""] = /\/\*\*\n([^]*?)\*\//.exec(text) ?? [];
    const [about = ""] = comment.replace(/^ \* ?/gm, "").split("\n\n");
    return {
      folder: key ?? entry,
      specifier: key ? `${name}/${key}` : name,
      about: toMarkdown(about, () => undefined),
    };
  });
}

/** The page that lists modules. */
export function apiPage(modules: readonly Module[]): string {
  const rows = modules.map(({ folder, specifier, about }) =>
    row(
      `<a href="./api/${folder}/index.html" target="_self">${
        folder.replace(/(\/mod)?\.ts$/, "")
      }</a>`,
      `\`${specifier}\``,
      about,
    )
  );
  return [
    "# API",
    "",
    "`@braintape/braintape` exports most of this, in namespaces such as `optim` " +
    "(`optim.Adam`); a module with a path of its own can be imported from there.",
    "",
    row("module", "imported from", "what it has"),
    row("---", "---", "---"),
    ...rows,
    "",
  ].join("\n");
}

/** Write the reference into `folder`. */
export async function writeApi(
  root: URL,
  folder: URL,
  modules: readonly Module[],
): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "doc",
      "--html",
      "--name=Braintape",
      `--output=${folder.pathname}`,
      ...ENTRIES,
    ],
    cwd: root,
  }).output();
  if (!success) {
    throw new Error(
      `Cannot write the reference: ${new TextDecoder().decode(stderr)}`,
    );
  }
  for (const { folder: name, specifier } of modules) {
    nameImports(new URL(`${name}/`, folder), name, specifier);
  }
  // deno doc's own first page is empty where there are several modules.
  await Deno.writeTextFile(
    new URL("index.html", folder),
    `<!doctype html><meta http-equiv="refresh" content="0; url=../reference.html">\n`,
  );
}

/** deno doc imports from the name of the module's folder: write what users write. */
function nameImports(folder: URL, name: string, specifier: string): void {
  const from = (text: string) => `from &quot;${text}&quot;;`;
  for (const entry of Deno.readDirSync(folder)) {
    const path = new URL(entry.name + (entry.isDirectory ? "/" : ""), folder);
    if (entry.isDirectory) nameImports(path, name, specifier);
    else if (entry.name.endsWith(".html")) {
      const text = Deno.readTextFileSync(path);
      const named = text.replaceAll(from(name), from(specifier));
      if (named !== text) Deno.writeTextFileSync(path, named);
    }
  }
}
