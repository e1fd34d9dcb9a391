/**
 * Builds the package for npm, for Node, Bun and bundlers: JavaScript modules with
 * declarations, in `npm/`.
 *
 * ```sh
 * deno task npm
 * ```
 *
 * TypeScript's compiler translates each file by itself. `@std/msgpack`, which is on
 * JSR only, is replaced by the module in `links/`, on npm's `@msgpack/msgpack`.
 *
 * @module
 */
import { dirname, relative } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { IMAGE_PACKAGES } from "../data/images/packages.ts";

interface DenoConfig {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
}

const ROOT = new URL("../", import.meta.url);
const OUT = new URL("npm/", ROOT);
const STAGE = new URL("src/", OUT);
const MSGPACK = "links/std_msgpack/mod.ts";
const VERSIONS = {
  "@msgpack/msgpack": "3.1.3",
  "@types/node": "22",
  "@webgpu/types": "0.1.66",
  typescript: "5.9.3",
};

const config: DenoConfig = JSON.parse(
  await Deno.readTextFile(new URL("deno.json", ROOT)),
);

/** The files that the package exports, and what they import from here. */
async function sources(): Promise<Set<string>> {
  const found = new Set<string>();
  const visit = async (path: string) => {
    if (found.has(path)) return;
    found.add(path);
    const text = await Deno.readTextFile(new URL(path, ROOT));
    for (
      const [, specifier] of text.matchAll(
        /(?:from|import\(|import)\s*"([^"]+)"/g,
      )
    ) {
      if (specifier === "@std/msgpack") await visit(MSGPACK);
      if (!specifier!.startsWith(".")) continue;
      const url = new URL(specifier!, new URL(path, ROOT));
      await visit(relative(ROOT.pathname, url.pathname));
    }
  };
  for (const path of Object.values(config.exports)) {
    await visit(path.replace("./", ""));
  }
  return found;
}

/** The version in a specifier such as `npm:@tensorflow/tfjs-core@4.22.0`. */
function versionOf(specifier: string): string {
  return specifier.slice(specifier.lastIndexOf("@") + 1);
}

function packageJson(): object {
  const built = (path: string, extension: string) =>
    path.replace(/\.ts$/, extension);
  const tfjs = Object.entries(config.imports)
    .filter(([name]) => name.startsWith("@tensorflow/"));
  return {
    name: config.name,
    version: config.version,
    license: config.license,
    description: "Train neural networks in Deno, Node, Bun and browsers",
    type: "module",
    engines: { node: ">=22.3" },
    exports: Object.fromEntries(
      Object.entries(config.exports).map(([name, path]) => [name, {
        types: built(path, ".d.ts"),
        default: built(path, ".js"),
      }]),
    ),
    dependencies: {
      "@msgpack/msgpack": VERSIONS["@msgpack/msgpack"],
      ...Object.fromEntries(
        tfjs.map(([name, specifier]) => [name, versionOf(specifier)]),
      ),
      "@webgpu/types": VERSIONS["@webgpu/types"],
    },
    peerDependencies: IMAGE_PACKAGES,
    peerDependenciesMeta: Object.fromEntries(
      Object.keys(IMAGE_PACKAGES).map((name) => [name, { optional: true }]),
    ),
  };
}

const COMPILER_OPTIONS = {
  target: "es2022",
  lib: [
    "es2024",
    "esnext.disposable",
    "esnext.collection",
    "esnext.float16",
    "dom",
    "dom.iterable",
    "dom.asynciterable",
  ],
  module: "nodenext",
  moduleResolution: "nodenext",
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  rewriteRelativeImportExtensions: true,
  declaration: true,
  skipLibCheck: true, // of tfjs
  types: ["node", "@webgpu/types"],
  rootDir: "src",
  outDir: ".",
};

async function run(command: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(command, { args, cwd: OUT })
    .spawn().status;
  if (!success) throw new Error(`Cannot build: ${command} ${args.join(" ")}`);
}

const write = (name: string, value: object) =>
  Deno.writeTextFile(new URL(name, OUT), JSON.stringify(value, null, 2) + "\n");

await Deno.remove(OUT, { recursive: true }).catch(() => {});
await Deno.mkdir(STAGE, { recursive: true });
for (const path of await sources()) {
  const target = new URL(path, STAGE);
  await Deno.mkdir(new URL(".", target), { recursive: true });
  const text = await Deno.readTextFile(new URL(path, ROOT));
  const link = relative(dirname(path), MSGPACK);
  await Deno.writeTextFile(
    target,
    text.replaceAll(
      `"@std/msgpack"`,
      `"${link.startsWith(".") ? link : `./${link}`}"`,
    ),
  );
}
await write("package.json", packageJson());
await write("tsconfig.json", {
  compilerOptions: COMPILER_OPTIONS,
  include: ["src"],
  exclude: ["node_modules"],
});
const tools = (["typescript", "@types/node"] as const)
  .map((name) => `${name}@${VERSIONS[name]}`);
await run(
  "npm",
  "install",
  "--silent",
  "--no-audit",
  "--no-fund",
  "--no-save",
  ...tools,
);
await run("npx", "--no-install", "tsc", "-p", ".");
for (const name of ["src", "tsconfig.json", "package-lock.json"]) {
  await Deno.remove(new URL(name, OUT), { recursive: true }).catch(() => {});
}
for (const name of ["README.md", "CHANGELOG.md", "LICENSE"]) {
  await Deno.copyFile(new URL(name, ROOT), new URL(name, OUT));
}
console.log(`Built ${fileURLToPath(OUT)}`);
