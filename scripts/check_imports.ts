/**
 * Checks that imports go one way: a file imports only from its own area and from
 * the areas below it, and no files import each other in a circle.
 *
 * @module
 */
const ROOT = new URL("../", import.meta.url);

/** The areas that each area may import from, besides itself. */
const BASE = ["internal", "tensors.ts", "memory.ts", "environ.ts", "tf.ts"];
const STATE = [...BASE, "state.ts"];
const BACKEND = [...STATE, "backend"];
const RANDOM = [...BACKEND, "random.ts", "random"];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  internal: ["memory.ts"],
  "tensors.ts": ["internal"],
  "memory.ts": ["internal"],
  "environ.ts": ["internal", "memory.ts"],
  "state.ts": BASE,
  backend: STATE,
  "tf.ts": ["backend"],
  "random.ts": RANDOM,
  random: RANDOM,
  autodiff: [...BACKEND, "vmap"],
  "compile.ts": BACKEND,
  control_flow: [...BACKEND, "autodiff", "compile.ts"],
  vmap: BACKEND,
  profile: BACKEND,
  nn: [...RANDOM, "autodiff"],
  optim: [...RANDOM, "autodiff", "vmap"],
  "checkpoint.ts": [...RANDOM, "checkpoint"],
  checkpoint: RANDOM,
  data: RANDOM,
  distributed: [
    ...RANDOM,
    "autodiff",
    "checkpoint.ts",
    "checkpoint",
    "data",
    "nn",
    "optim",
  ],
  onnx: [...RANDOM, "nn"],
  models: [...RANDOM, "nn", "checkpoint.ts"],
  train: [
    ...RANDOM,
    "autodiff",
    "compile.ts",
    "profile",
    "nn",
    "optim",
    "checkpoint.ts",
    "checkpoint",
    "data",
    "distributed",
  ],
};

const IMPORT = /(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;

function pathOf(url: URL): string {
  return url.pathname.slice(ROOT.pathname.length);
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

/** The files that each file imports, types included. */
async function importGraph(): Promise<Map<string, string[]>> {
  const graph = new Map<string, string[]>();
  for await (const file of library()) {
    const text = await Deno.readTextFile(file);
    // Examples in comments import as users do.
    const code = text.replace(/\/\*\*[^]*?\*\//g, "");
    const targets = Array.from(
      code.matchAll(IMPORT),
      ([, specifier]) => pathOf(new URL(specifier!, file)),
    );
    graph.set(pathOf(file), targets);
  }
  return graph;
}

/** Imports from an area that the file's own area may not import from. */
function* upwardImports(graph: Map<string, string[]>): Generator<string> {
  for (const [file, targets] of graph) {
    const area = file.split("/")[0]!;
    for (const target of targets) {
      const other = target.split("/")[0]!;
      if (other === area || MAY_IMPORT[area]!.includes(other)) continue;
      yield `${file} must not import ${target}`;
    }
  }
}

/** Imports that lead back to the file they started from. */
function* circles(graph: Map<string, string[]>): Generator<string> {
  const done = new Set<string>();
  const path: string[] = [];
  function* visit(file: string): Generator<string> {
    const start = path.indexOf(file);
    if (start >= 0) {
      const circle = [...path.slice(start), file].join(" -> ");
      yield `imports must not go in a circle: ${circle}`;
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const target of graph.get(file) ?? []) yield* visit(target);
    path.pop();
    done.add(file);
  }
  for (const file of graph.keys()) yield* visit(file);
}

const graph = await importGraph();
const problems = [...upwardImports(graph), ...circles(graph)];
for (const problem of problems) console.error(problem);
if (problems.length > 0) Deno.exit(1);
console.log("Imports go one way");
