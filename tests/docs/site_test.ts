import { assert, assertEquals } from "@std/assert";
import { FULL } from "../_backends.ts";
import { findChromium, Page } from "../train/_browser.ts";

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

/** The pages of the site that are not deno doc's. */
function ownPages(): URL[] {
  return [...filesIn(DIST)].filter(({ href }) =>
    href.endsWith(".html") && !href.startsWith(`${DIST}api/`)
  );
}

Deno.test({
  name: "the site is built, and each link on it leads to a page and a heading",
  ignore: !canInstall,
  fn: async () => {
    assert(await succeeds(Deno.execPath(), "task", "docs"));
    const wrong: string[] = [];
    let count = 0;
    for (const file of ownPages()) {
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

const chromium = findChromium();
if (FULL && !chromium) {
  console.log("The site is not opened in a browser: there is no Chromium");
}

function serveSite(): Deno.HttpServer<Deno.NetAddr> {
  const options = { port: 0, hostname: "127.0.0.1", onListen: () => {} };
  return Deno.serve(options, async (request) => {
    const { pathname } = new URL(request.url);
    const bytes = await Deno.readFile(new URL(`.${pathname}`, DIST))
      .catch(() => undefined);
    const extension = pathname.split(".").at(-1)!;
    const type = {
      html: "text/html",
      js: "text/javascript",
      css: "text/css",
      svg: "image/svg+xml",
    }[extension] ?? "application/octet-stream";
    return bytes
      ? new Response(bytes, { headers: { "content-type": type } })
      : new Response("not found", { status: 404 });
  });
}

Deno.test({
  name:
    "in a browser no page is wider than a phone, pictures load, and the search finds",
  ignore: !canInstall || !chromium,
  fn: async () => {
    const server = serveSite();
    const { port } = server.addr;
    const address = (path: string) => `http://127.0.0.1:${port}/${path}`;
    try {
      const size = "--window-size=390,900";
      await using page = await Page.open(chromium!, address("index.html"), [
        size,
      ]);
      // A page that is still loading would take its address back.
      await page.until(
        `location.pathname === "/index.html" && document.readyState === "complete"`,
        30,
      );
      const wrong: string[] = [];
      for (const { href } of ownPages()) {
        const path = href.slice(DIST.href.length);
        await page.evaluate(`location.href = "${address(path)}"`);
        await page.until(
          `location.pathname === "/${path}" && document.readyState === "complete"`,
          30,
        );
        const isWide = await page.evaluate(
          "document.documentElement.scrollWidth > innerWidth",
        );
        const broken = await page.evaluate(
          "[...document.images].filter((image) => image.complete && !image.naturalWidth).length",
        );
        if (isWide || broken !== 0) wrong.push(`${path}: ${broken} pictures`);
      }
      assertEquals(wrong, []);

      await page.evaluate(`location.href = "${address("index.html")}"`);
      const click = `document.querySelector(".VPNavBarSearch button")?.click()`;
      const input = `document.querySelector(".VPLocalSearchBox input")`;
      // The button works once the page's scripts have run.
      await page.until(`(${click}, !!${input})`, 30);
      await page.evaluate(
        `(${input}.value = "WSDSchedule", ${input}.dispatchEvent(new Event("input", { bubbles: true })))`,
      );
      await page.until(
        `document.querySelector(".VPLocalSearchBox .result")?.innerText.includes("WSDSchedule")`,
        30,
      );
    } finally {
      await server.shutdown();
    }
  },
});
