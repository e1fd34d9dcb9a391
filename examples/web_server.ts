/**
 * Bundles webgpu.ts for browsers and serves it: `deno task web`.
 */
import { fileURLToPath } from "node:url";
import { main, parseOptions } from "./_cli.ts";

const HERE = new URL(".", import.meta.url);
const WASM_FILES = [
  "tfjs-backend-wasm.wasm",
  "tfjs-backend-wasm-simd.wasm",
  "tfjs-backend-wasm-threaded-simd.wasm",
];

/** With these a page may share memory between threads. */
const HEADERS = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cache-control": "no-store",
};

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  wasm: "application/wasm",
};

/** Write what the page needs into `folder`. */
export async function build(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--platform=browser",
      "--minify",
      `--output=${folder}/app.js`,
      fileURLToPath(new URL("webgpu.ts", HERE)),
    ],
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  await Deno.copyFile(new URL("webgpu.html", HERE), `${folder}/index.html`);
  for (const name of WASM_FILES) {
    const url = import.meta.resolve(
      `@tensorflow/tfjs-backend-wasm/wasm-out/${name}`,
    );
    await Deno.copyFile(new URL(url), `${folder}/${name}`);
  }
}

/** Serve the files in `folder`, to this machine only. */
export function serve(
  folder: string,
  port: number,
): Deno.HttpServer<Deno.NetAddr> {
  const options = { port, hostname: "127.0.0.1", onListen: () => {} };
  return Deno.serve(options, async (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      const headers = { allow: "GET, HEAD" };
      return new Response("method not allowed", { status: 405, headers });
    }
    const { pathname } = new URL(request.url);
    const name = pathname === "/" ? "index.html" : pathname.slice(1);
    // No folders below: a name with a slash is nothing of ours.
    const type = TYPES[name.split(".").at(-1)!];
    if (!/^[\w.-]+$/.test(name) || type === undefined) {
      return new Response("not found", { status: 404 });
    }
    try {
      const bytes = await Deno.readFile(`${folder}/${name}`);
      return new Response(bytes, {
        headers: { ...HEADERS, "content-type": type },
      });
    } catch {
      return new Response("not found", { status: 404 });
    }
  });
}

if (import.meta.main) {
  await main(async () => {
    const { port } = parseOptions("Serves a page that trains in the browser.", {
      port: { default: 8000, help: "where to listen" },
    });
    await build("runs/web");
    const server = serve("runs/web", port);
    console.log(`http://127.0.0.1:${port}/`);
    await server.finished;
  });
}
