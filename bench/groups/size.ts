/** How many bytes a browser loads for a training script. */
import type { Group } from "../driver/context.ts";
import { table } from "../driver/table.ts";

const FOLDER = new URL("../contestants/start/", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** The WebAssembly that tfjs loads where threads are allowed. */
const WASM = "@tensorflow/tfjs-backend-wasm/wasm-out/";

interface Bundle {
  readonly label: string;
  /** The script; what it imports from npm is known only at run time if it is JavaScript. */
  readonly source: string;
  /** Files of WebAssembly that it loads. */
  readonly binaries: readonly string[];
}

const TFJS = ["tfjs-backend-wasm-threaded-simd.wasm"];

const BUNDLES: readonly Bundle[] = [
  { label: "Braintape", source: "braintape.ts", binaries: TFJS },
  { label: "tfjs", source: "tfjs.js", binaries: TFJS },
  { label: "jax-js", source: "jax_js.js", binaries: [] },
];

/** What a browser loads. */
export const size: Group = {
  name: "size",
  async run({ folder, size }) {
    const rows: string[][] = [], data: Record<string, unknown> = {};
    for (
      const { label, source, binaries } of size === "smoke"
        ? BUNDLES.slice(0, 1)
        : BUNDLES
    ) {
      const script = await bundle(folder, source);
      const files = binaries.map((file) =>
        Deno.readFileSync(new URL(import.meta.resolve(WASM + file)))
      );
      const code = await sizes(script ? [script] : []);
      const binary = await sizes(files);
      data[label] = { code, binary };
      rows.push([label, script ? show(code) : "fails", show(binary)]);
    }
    const blocks = [
      "kB, minified, and compressed by gzip in parentheses: the script of the group `start`, bundled by `deno bundle --platform=browser --minify`, and tfjs' WebAssembly.",
      table(["", "JavaScript", "WebAssembly"], rows),
    ];
    return { title: "What a browser loads", blocks, targets: [], data };
  },
};

/** The bundled script; undefined if it cannot be bundled. */
async function bundle(
  folder: string,
  source: string,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  // A rival's packages are imported by a name with a version, as its users write it.
  const written = await Deno.readTextFile(FOLDER + source);
  const version = /VERSION = "(.*)"/.exec(written)?.[1] ?? "";
  const text = written
    .replaceAll(
      /await import\(`(.*)\$\{VERSION\}`\)/g,
      `await import("$1${version}")`,
    )
    .replaceAll("../../../mod.ts", import.meta.resolve("../../mod.ts"));
  const path = `${folder}/${source}`, out = `${folder}/bundle.js`;
  await Deno.writeTextFile(path, text);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "-q",
      "--no-lock",
      "--platform=browser",
      "--minify",
      "--config",
      CONFIG,
      "-o",
      out,
      path,
    ],
    stderr: "null",
  }).output();
  return success ? await Deno.readFile(out) : undefined;
}

interface Sizes {
  readonly plain: number;
  readonly gzip: number;
}

async function sizes(
  files: readonly Uint8Array<ArrayBuffer>[],
): Promise<Sizes> {
  let plain = 0, gzip = 0;
  for (const file of files) {
    const stream = new Blob([file]).stream()
      .pipeThrough(new CompressionStream("gzip"));
    plain += file.length;
    gzip += (await new Response(stream).arrayBuffer()).byteLength;
  }
  return { plain, gzip };
}

const show = ({ plain, gzip }: Sizes) =>
  plain ? `${(plain / 1000).toFixed(0)} (${(gzip / 1000).toFixed(0)})` : "";
