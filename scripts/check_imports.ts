/**
 * Checks that imports go one way: a file imports only from its own area and from
 * the areas below it.
 *
 * @module
 */
const ROOT = new URL("../", import.meta.url);

/** The areas that each area may import from, besides itself. */
const BASE = [
  "check.ts",
  "nearest.ts",
  "tensors.ts",
  "engine.ts",
  "memory.ts",
  "frames.ts",
  "recording.ts",
  "environ.ts",
  "tf.ts",
];
const STATE = [...BASE, "state.ts"];
const RANDOM = [...STATE, "backend", "random.ts", "random"];
const BACKEND = [...STATE, "backend"];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "nearest.ts": [],
  "check.ts": ["nearest.ts"],
  "tensors.ts": ["check.ts"],
  "frames.ts": ["check.ts"],
  "engine.ts": [],
  "recording.ts": [],
  "user_line.ts": [],
  "compile.ts": [...BACKEND, "user_line.ts"],
  "file_path.ts": ["check.ts"],
  "memory.ts": ["check.ts", "engine.ts"],
  "transaction.ts": ["check.ts", "frames.ts", "memory.ts"],
  "environ.ts": ["check.ts", "memory.ts", "recording.ts"],
  "tf.ts": ["backend"],
  "state.ts": BASE,
  "random.ts": RANDOM,
  random: RANDOM,
  backend: STATE,
  autodiff: BACKEND,
  nn: [...BACKEND, ...RANDOM, "autodiff", "transaction.ts"],
  optim: BACKEND,
  "checkpoint.ts": [...RANDOM, "checkpoint"],
  checkpoint: [...RANDOM, "file_path.ts"],
  data: [...RANDOM, "file_path.ts"],
  train: [
    "transaction.ts",
    "file_path.ts",
    ...BACKEND,
    ...RANDOM,
    "autodiff",
    "nn",
    "optim",
    "checkpoint.ts",
    "checkpoint",
    "data",
  ],
};

const IMPORT = /(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;

function areaOf(url: URL): string {
  return url.pathname.slice(ROOT.pathname.length).split("/")[0]!;
}

async function* sources(folder: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts")) yield new URL(name, folder);
  }
}

async function* library(): AsyncGenerator<URL> {
  for (const area of Object.keys(MAY_IMPORT)) {
    if (area.endsWith(".ts")) yield new URL(area, ROOT);
    else yield* sources(new URL(`${area}/`, ROOT));
  }
}

let problems = 0;
for await (const file of library()) {
  const area = areaOf(file);
  // Examples in comments import as users do.
  const code = (await Deno.readTextFile(file)).replace(/\/\*\*[^]*?\*\//g, "");
  for (const [, specifier] of code.matchAll(IMPORT)) {
    const target = areaOf(new URL(specifier!, file));
    if (target === area || MAY_IMPORT[area]!.includes(target)) continue;
    problems++;
    console.error(
      `${
        file.pathname.slice(ROOT.pathname.length)
      } must not import ${specifier}`,
    );
  }
}
if (problems > 0) Deno.exit(1);
console.log("Imports go one way");
