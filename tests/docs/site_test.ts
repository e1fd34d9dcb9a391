import { assert, assertEquals } from "@std/assert";
import { FULL } from "../_backends.ts";

const ROOT = new URL("../../", import.meta.url);
const DIST = new URL("site/dist/", ROOT);

async function succeeds(command: string, ...args: string[]): Promise<boolean> {
  const { success, stderr } = await new Deno.Command(command, {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output().catch(() => ({ success: false, stderr: new Uint8Array() }));
  if (!success) console.log(new TextDecoder().decode(stderr));
  return success;
}

const canInstall = FULL &&
  await succeeds("npm", "view", "vitepress@1.6.4", "version");
if (FULL && !canInstall) {
  console.log("The site is not built: npm cannot get vitepress here");
}

function* filesIn(folder: URL): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* filesIn(new URL(`${name}/`, folder));
    else yield new URL(name, folder);
  }
}

function isFile(url: URL): boolean {
  try {
    return Deno.statSync(url).isFile;
  } catch {
    return false;
  }
}

/** The page that a link leads to, or none. */
function target(url: URL): URL | undefined {
  const path = url.pathname;
  const names = path.endsWith("/")
    ? [`${path}index.html`]
    : [path, `${path}.html`];
  return names.map((name) => new URL(name, DIST)).find(isFile);
}

Deno.test({
  name: "the site is built, and each link on it leads to a page and a heading",
  ignore: !canInstall,
  fn: async () => {
    assert(await succeeds(Deno.execPath(), "task", "docs"));
    const wrong: string[] = [];
    let count = 0;
    for (const file of filesIn(DIST)) {
      const isOurs = !file.href.startsWith(`${DIST}api/`);
      if (!isOurs || !file.pathname.endsWith(".html")) continue;
      const html = Deno.readTextFileSync(file);
      for (const [, link] of html.matchAll(/(?:href|src)="([^"]+)"/g)) {
        if (/^(https?:|data:|\/\/)/.test(link!)) continue;
        count++;
        const url = link!.startsWith("/")
          ? new URL(`.${link}`, DIST)
          : new URL(link!, file);
        const page = target(url);
        const anchor = decodeURIComponent(url.hash.slice(1));
        const hasAnchor = !anchor || page &&
            Deno.readTextFileSync(page).includes(`id="${anchor}"`);
        if (!page || !hasAnchor) wrong.push(`${file.pathname}: ${link}`);
      }
    }
    assertEquals(wrong, []);
    assert(count > 100, `${count} links`);
  },
});
