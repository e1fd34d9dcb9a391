/**
 * The page of docs/browsers.md, built by Vite, in headless Chromium.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { findChromium, Page } from "../train/_browser.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const VITE = "8.3.4";

/** Flags that keep Chromium from asking for what is not there. */
const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** Makes the library's sources the package, since it is not in a registry here. */
const CONFIG = `import config from "./vite.config.js";
const here = import.meta.dirname + "/node_modules/";
const alias = [
  { find: "@braintape/braintape", replacement: "${ROOT}mod.ts" },
  { find: "@std/msgpack", replacement: "${ROOT}links/std_msgpack/mod.ts" },
  { find: /^(@tensorflow|@msgpack)\\//, replacement: here + "$1/" },
];
export default { ...config, logLevel: "warn", resolve: { alias } };
`;

/** The packages that the library imports, as `npm install` takes them. */
async function dependencies(): Promise<string[]> {
  const { imports } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const link = `${ROOT}links/std_msgpack/deno.json`;
  const { imports: ofLink } = JSON.parse(await Deno.readTextFile(link));
  return Object.values<string>({ ...imports, ...ofLink })
    .filter((specifier) => specifier.startsWith("npm:"))
    .map((specifier) => specifier.slice("npm:".length));
}

async function run(folder: string, command: string, ...args: string[]) {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    cwd: folder,
    env: { NO_COLOR: "1" },
  }).output().catch((error) => ({
    success: false,
    stdout: new Uint8Array(),
    stderr: new TextEncoder().encode(`${error}`),
  }));
  const text = new TextDecoder().decode(stdout) +
    new TextDecoder().decode(stderr);
  return { success, text };
}

/** Write the files of the guide into a folder: those whose names stand before them. */
async function writeFiles(folder: string) {
  const text = await Deno.readTextFile(`${ROOT}docs/browsers.md`);
  const blocks = text.matchAll(/^`([\w.]+)`:\n\n```[^\n]*\n([^]*?)^```$/gm);
  for (const [, name, code] of blocks) {
    await Deno.writeTextFile(`${folder}/${name}`, code!);
  }
  await Deno.writeTextFile(
    `${folder}/main.js`,
    "\nglobalThis.training = training;",
    { append: true },
  );
  await Deno.writeTextFile(`${folder}/test.config.js`, CONFIG);
  const project = JSON.stringify({ type: "module", private: true });
  await Deno.writeTextFile(`${folder}/package.json`, project);
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html",
  js: "text/javascript",
  wasm: "application/wasm",
};

/** Serve a folder to this machine; the paths that were asked for are added to `asked`. */
function serve(
  folder: string,
  headers: Record<string, string>,
  asked: Set<string>,
) {
  const options = { port: 0, hostname: "127.0.0.1", onListen: () => {} };
  return Deno.serve(options, async (request) => {
    const { pathname } = new URL(request.url);
    const name = pathname === "/" ? "/index.html" : pathname;
    asked.add(name);
    const bytes = await Deno.readFile(folder + name).catch(() => null);
    if (!bytes) return new Response("not found", { status: 404 });
    const type = TYPES[name.split(".").at(-1)!] ?? "text/plain";
    return new Response(bytes, {
      headers: { ...headers, "content-type": type },
    });
  });
}

interface Result {
  readonly threads: number;
  readonly losses: readonly number[];
  readonly bytes: number;
  readonly error?: string;
}

/** What the page says at last, and what an expression gives then. */
async function result(
  url: string,
  expression?: string,
): Promise<[Result, unknown]> {
  await using page = await Page.open(findChromium()!, url, FLAGS);
  const text = "document.querySelector('#out')?.textContent";
  await page.until(`${text}?.startsWith('{')`, 60);
  const result = JSON.parse(await page.evaluate(text) as string);
  return [result, expression && await page.evaluate(expression)];
}

/** How long a file is once it is compressed by gzip. */
async function compressedSize(path: string): Promise<number> {
  const stream = new Blob([await Deno.readFile(path)]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).arrayBuffer()).byteLength;
}

const SINGLE = "tfjs-backend-wasm-simd.wasm";
const THREADED = "tfjs-backend-wasm-threaded-simd.wasm";

/** Move the `.wasm` files out of the folder of the scripts, under the names they have in their package. */
async function moveBinaries(dist: string) {
  await Deno.mkdir(`${dist}/wasm`);
  for await (const { name } of Deno.readDir(`${dist}/assets`)) {
    if (!name.endsWith(".wasm")) continue;
    const to = name.includes("threaded") ? THREADED : SINGLE;
    await Deno.rename(`${dist}/assets/${name}`, `${dist}/wasm/${to}`);
  }
}

if (!findChromium()) {
  console.log(
    "The test of a page built by Vite is skipped: Debian's package chromium is not installed",
  );
}

Deno.test({
  name: "a page built by Vite trains on WASM in Chromium",
  ignore: !findChromium(),
  sanitizeResources: false,
  sanitizeOps: false,
  async fn(t) {
    const folder = await Deno.makeTempDir();
    try {
      await writeFiles(folder);
      const { success, text } = await run(
        folder,
        "npm",
        "install",
        "--no-audit",
        "--no-fund",
        "--prefer-offline",
        `vite@${VITE}`,
        ...await dependencies(),
      );
      if (!success) {
        console.log(`skipped: npm's registry cannot be had: ${text}`);
        return;
      }
      const built = await run(
        folder,
        "npx",
        "vite",
        "build",
        "--config",
        "test.config.js",
      );
      assert(built.success, built.text);
      await check(`${folder}/dist`, t);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

async function check(dist: string, t: Deno.TestContext) {
  const asked = new Set<string>();
  const server = serve(dist, ISOLATED, asked), plain = serve(dist, {}, asked);
  const isolated = `http://127.0.0.1:${server.addr.port}/`;
  const shared = `http://127.0.0.1:${plain.addr.port}/`;
  const cores = navigator.hardwareConcurrency;
  try {
    const cases = [
      ["isolated, in the page", isolated, cores],
      ["isolated, in a Web Worker", `${isolated}?worker`, cores],
      ["isolated, with four threads", `${isolated}?threads=4`, 4],
      ["isolated, with one thread", `${isolated}?threads=1`, 1],
      ["not isolated, in the page", shared, 1],
      ["not isolated, in a Web Worker", `${shared}?worker&threads=4`, 1],
    ] as const;
    let expected: readonly number[] | undefined;
    for (const [name, url, threads] of cases) {
      await t.step(name, async () => {
        const [{ error, losses, bytes, ...found }] = await result(url);
        assertEquals(error, undefined);
        assertEquals(found.threads, threads);
        assert(losses.at(-2)! < 0.5 * losses[0]!, `${losses}`);
        assert(bytes > 4 * 32 * 256, `${bytes} bytes`);
        // The last one was computed again, from the checkpoint.
        assert(losses.at(-1)! <= losses.at(-2)! * 1.1, `${losses}`);
        assertEquals(losses, expected ??= losses, "threads changed the bits");
      });
    }
    await t.step(
      "the scripts of a page are less than 250 kB, compressed",
      async () => {
        asked.clear();
        await result(isolated);
        const scripts = [...asked].filter((name) => name.endsWith(".js"));
        const sizes = await Promise.all(
          scripts.map((name) => compressedSize(dist + name)),
        );
        const total = sizes.reduce((sum, size) => sum + size);
        console.log(
          `${Math.round(total / 1000)} kB in ${sizes.length} scripts`,
        );
        assert(total < 250e3, `${total} bytes`);
      },
    );
    for (const [url, threads] of [[isolated, cores], [shared, 1]] as const) {
      const name = threads > 1 ? "isolated" : "not isolated";
      await t.step(
        `${name}, .wasm files are found without wasmPaths`,
        async () => {
          const [{ error }, trained] = await result(
            `${url}?threads=0`,
            "training({ wasmPaths: undefined }).then((x) => x.threads, String)",
          );
          assertStringIncludes(error!, "threads must be a positive integer");
          assertEquals(trained, threads);
        },
      );
    }
    const policy = "script-src 'self' 'wasm-unsafe-eval'";
    for (
      const [sources, isAllowed] of [["'self' blob:", true], ["'self'", false]]
    ) {
      await t.step(
        `a Content-Security-Policy with worker-src ${sources}`,
        async () => {
          const strict = serve(dist, {
            ...ISOLATED,
            "content-security-policy": `${policy}; worker-src ${sources}`,
          }, asked);
          const url = `http://127.0.0.1:${strict.addr.port}/`;
          try {
            const [{ error, threads }, alone] = await result(
              url,
              "training({ threads: 1 }).then((x) => x.threads, String)",
            );
            if (isAllowed) {
              assertEquals([error, threads], [undefined, cores]);
            } else {
              assertStringIncludes(
                error!,
                "Cannot start WASM: a worker could not be started: the page's Content-Security-Policy may lack worker-src blob:; threads: 1 needs none",
              );
              assertEquals(alone, 1);
            }
          } finally {
            await strict.shutdown();
          }
        },
      );
    }
    await t.step("no script imports node's modules at its head", async () => {
      for await (const { name } of Deno.readDir(`${dist}/assets`)) {
        if (!name.endsWith(".js")) continue;
        const code = await Deno.readTextFile(`${dist}/assets/${name}`);
        const [head] = /^(import\b[^"'`]*["'`][^"'`]*["'`];?\s*)*/.exec(code)!;
        assert(!head.includes("node:"), name);
      }
    });
    await moveBinaries(dist);
    for (const [url, threads] of [[isolated, cores], [shared, 1]] as const) {
      const name = threads > 1 ? "isolated" : "not isolated";
      await t.step(
        `${name}, .wasm files that are not there are an error, and are found at wasmPaths`,
        async () => {
          const train = (options: string) =>
            `await training(${options}).then((x) => x.threads, String)`;
          const [{ error }, seen] = await result(
            url,
            `(async () => [
              ${train("{ wasmPaths: undefined }")},
              ${train("{ wasmPaths: '/wasm' }")},
            ])()`,
          );
          const [bundled, trained] = seen as unknown[];
          assertEquals(bundled, error);
          assertStringIncludes(error!, "Error: Cannot start WASM: http://");
          assertStringIncludes(
            error!,
            `was answered with status 404: serve ${SINGLE} and ${THREADED} of @tensorflow/tfjs-backend-wasm/wasm-out/ there, or say where they are: useBackend("wasm", { wasmPaths })`,
          );
          assertEquals(trained, threads);
        },
      );
    }
    await t.step("wasmPaths with an address for each file", async () => {
      const paths = (threaded: string) =>
        `{ wasmPaths: { "${SINGLE}": "wasm/${SINGLE}", ${threaded} } }`;
      const train = (options: string) =>
        `training(${options}).then((x) => x.threads, String)`;
      const [, results] = await result(
        isolated,
        `(async () => [
          await ${train(paths(""))},
          await ${train(paths(`"${THREADED}": "index.html"`))},
          await ${train(paths(`"${THREADED}": "wasm/${THREADED}"`))},
        ])()`,
      );
      const [missing, wrong, threads] = results as unknown[];
      assertEquals(
        missing,
        `Error: Cannot start WASM: wasmPaths must have "${THREADED}": current names are ["${SINGLE}"]`,
      );
      assertStringIncludes(
        wrong as string,
        `Cannot start WASM: ${isolated}index.html is not WebAssembly: serve`,
      );
      assertEquals(threads, cores);
    });
  } finally {
    await Promise.all([server.shutdown(), plain.shutdown()]);
  }
}
