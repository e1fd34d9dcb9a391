/**
 * Builds the site of the documentation in `site/dist/`: the Markdown files of the
 * project by VitePress, with a search, and the API by `deno doc`.
 *
 * ```sh
 * deno task docs
 * deno task docs:serve
 * ```
 *
 * `deno task docs --base /braintape/` is for a site that has that address on its
 * server.
 *
 * @module
 */
import { basename } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { apiPage, modules, writeApi } from "./api.ts";
import { markdownFiles } from "./files.ts";
import { type Group, navigation, sitePath, titleOf } from "./pages.ts";
import { referencePages } from "./reference/pages.ts";
import { stage, writeStage } from "./stage.ts";

const ROOT = new URL("../../", import.meta.url);
const HERE = new URL("./", import.meta.url);
const SITE = new URL("site/", ROOT);
const VITEPRESS = "1.6.4";

async function run(command: string, args: string[]): Promise<void> {
  const { success } = await new Deno.Command(command, { args, cwd: SITE })
    .spawn().status;
  if (!success) throw new Error(`Cannot build: ${command} ${args.join(" ")}`);
}

/** The files of the project that the site shows: text, or the names in a folder. */
function read(path: string): string | string[] {
  const url = new URL(path, ROOT);
  if (Deno.statSync(url).isFile) return Deno.readTextFileSync(url);
  return Array.from(Deno.readDirSync(url))
    .filter(({ isFile }) => isFile).map(({ name }) => name).sort();
}

/** The navigation as VitePress takes it. */
function sidebar(groups: Group[], files: ReadonlyMap<string, string>) {
  const sections = groups.map(({ title, files: names }) => ({
    text: title,
    collapsed: false,
    items: names.filter((name) => files.has(name)).map((name) => ({
      text: titleOf(files.get(name)!, name),
      link: `/${sitePath(name)}`,
    })),
  }));
  return sections.filter(({ items }) => items.length > 0);
}

/** The pages of a folder of the reference, closed at first. */
function referenceSection(text: string, folder: string) {
  const items = [...reference.keys()]
    .filter((path) => path.startsWith(folder) && !path.endsWith("index.md"))
    .map((path) => ({ text: basename(path, ".md"), link: `/${path}` }));
  return { text, link: `/${folder}`, collapsed: true, items };
}

await Deno.remove(new URL("pages/", SITE), { recursive: true }).catch(() => {});
await Deno.mkdir(new URL(".vitepress/theme/", SITE), { recursive: true });
for (const name of ["config.ts", "links.ts", "theme/style.css"]) {
  await Deno.copyFile(
    new URL(basename(name), HERE),
    new URL(`.vitepress/${name}`, SITE),
  );
}
await Deno.writeTextFile(
  new URL(".vitepress/theme/index.js", SITE),
  `import Theme from "vitepress/theme";
import "./style.css"; // after the theme, whose rules it changes

export default Theme;
`,
);
const files = new Map<string, string>();
for (const path of markdownFiles(ROOT)) {
  files.set(path, Deno.readTextFileSync(new URL(path, ROOT)));
}
const { name, exports } = JSON.parse(
  await Deno.readTextFile(new URL("deno.json", ROOT)),
);
const api = modules(ROOT, name, exports);
const staged = stage(files, read);
const reference = await referencePages(ROOT);
for (const [path, text] of reference) staged.pages.set(path, text);
staged.pages.set("reference.md", apiPage(api));
await writeStage(staged, ROOT, new URL("pages/", SITE));
const write = (name: string, value: unknown) =>
  Deno.writeTextFile(new URL(name, SITE), JSON.stringify(value, null, 2));
const names = [...files.keys()].filter((name) => name !== "README.md");
await write(".vitepress/navigation.json", [
  ...sidebar(navigation(names), files),
  referenceSection("Optimizers", "optimizers/"),
  referenceSection("Schedulers", "schedulers/"),
]);
await write("package.json", {
  private: true,
  type: "module",
  dependencies: { vitepress: VITEPRESS },
});
await run("npm", ["install", "--silent", "--no-audit", "--no-fund"]);
await run("npx", ["--no-install", "vitepress", "build", ".", ...Deno.args]);
await writeApi(ROOT, new URL("dist/api/", SITE), api);
console.log(`Built ${fileURLToPath(new URL("dist/", SITE))}`);
