/**
 * Bundles the page of digits/ for browsers and serves it with the digits of MNIST:
 * `deno task web`.
 *
 * Without `--data-dir` the digits are downloaded once, checked and kept in `--cache`.
 */
import { fileURLToPath } from "node:url";
import { train } from "@braintape/braintape";
import { main, parseOptions } from "./_cli.ts";
import { downloadMnist } from "./_mnist.ts";

const HERE = new URL("digits/", import.meta.url);
/** How many digits the page gets, so that it opens quickly. */
const COUNTS = { train: 6000, test: 1000 };
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
  idx: "application/octet-stream",
  js: "text/javascript; charset=utf-8",
  wasm: "application/wasm",
};

/** The first arrays of an IDX file of bytes, as the bytes of a shorter one. */
function firstOf(
  { shape, data }: train.IdxArray,
  count: number,
): Uint8Array<ArrayBuffer> {
  const sizes = [Math.min(count, shape[0]!), ...shape.slice(1)];
  const start = 4 + 4 * sizes.length;
  const values = data.subarray(0, sizes.reduce((a, b) => a * b));
  const bytes = new Uint8Array(start + values.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x800 + sizes.length); // unsigned bytes
  sizes.forEach((size, i) => view.setUint32(4 + 4 * i, size));
  bytes.set(values, start);
  return bytes;
}

/** Write what the page needs into `folder`; the files of MNIST are in `digits`. */
export async function build(folder: string, digits: string): Promise<void> {
  const parts = await train.readIdxDirectory(digits);
  await Deno.mkdir(folder, { recursive: true });
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--platform=browser",
      "--minify",
      `--output=${folder}/app.js`,
      fileURLToPath(new URL("digits.ts", HERE)),
    ],
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  await Deno.copyFile(new URL("index.html", HERE), `${folder}/index.html`);
  for (const part of ["train", "test"] as const) {
    for (const [name, array] of Object.entries(parts[part])) {
      const bytes = firstOf(array, COUNTS[part]);
      await Deno.writeFile(`${folder}/${part}-${name}.idx`, bytes);
    }
  }
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
    const { port, dataDir, cache } = parseOptions(
      "Serves a page that learns to read digits in the browser.",
      {
        port: { default: 8000, help: "where to listen" },
        dataDir: { default: "", help: "a folder with the files of MNIST" },
        cache: { default: ".cache/mnist", help: "the folder of downloads" },
      },
    );
    await build("runs/web", dataDir || await downloadMnist(cache));
    const server = serve("runs/web", port);
    console.log(`http://127.0.0.1:${port}/`);
    await server.finished;
  });
}
