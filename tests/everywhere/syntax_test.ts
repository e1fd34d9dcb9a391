/** What the package is written in: engines of Node 22 and of browsers must parse it. */
import { assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);
const NOT_SHIPPED =
  /^(\.|bench|docs|examples|links|node_modules|npm|scripts|tests|runs)/;

async function* modules(folder: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (folder.href === ROOT.href && NOT_SHIPPED.test(name)) continue;
    if (isDirectory) yield* modules(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts")) yield new URL(name, folder);
  }
}

Deno.test("no module of the package uses `using`, or names Deno's global", async () => {
  const found: string[] = [];
  for await (const module of modules(ROOT)) {
    const code = (await Deno.readTextFile(module))
      .replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/\/\/.*/g, "");
    if (/^\s*(await )?using [a-z_]+ =/m.test(code) || /\bDeno\./.test(code)) {
      found.push(module.pathname.slice(ROOT.pathname.length));
    }
  }
  // "Deno.customInspect" is the name of a symbol.
  assertEquals(found, ["internal/shown.ts"]);
});
