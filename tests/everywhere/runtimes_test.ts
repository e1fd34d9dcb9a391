/**
 * The library in fresh projects: as a package of npm under Node and Bun, and in a folder
 * of Deno's.
 *
 * The first test builds the package; without npm's registry all are left out.
 */
import { assert, assertEquals } from "@std/assert";
import { hasLines, shownOutputs } from "../docs/_blocks.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const PROGRAM = new URL("_program.mjs", import.meta.url);

async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; out: string; error: string }> {
  try {
    const { code, stdout, stderr } = await new Deno.Command(command, {
      args: [...args],
      cwd,
      env: { NO_COLOR: "1", npm_config_update_notifier: "false", ...env },
    }).output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
  } catch (error) {
    return { code: -1, out: "", error: String(error) };
  }
}

const registry = await run("npm", ["view", "bun", "version"], ROOT);
const ignore = registry.code !== 0;
if (ignore) {
  console.log(
    "Node and Bun are not tested: npm's registry cannot be reached",
  );
}

/** A fresh project with the package installed, and further packages of npm. */
async function project(...packages: readonly string[]): Promise<string> {
  const folder = await Deno.makeTempDir();
  const packed = await run(
    "npm",
    ["pack", "--silent", "--pack-destination", folder],
    `${ROOT}npm`,
  );
  assertEquals(packed.code, 0, packed.error);
  await Deno.writeTextFile(
    `${folder}/package.json`,
    JSON.stringify({ type: "module", private: true }),
  );
  const args = ["install", "--silent", "--no-audit", "--no-fund"];
  const { code, error } = await run(
    "npm",
    [...args, `./${packed.out.trim()}`, ...packages],
    folder,
  );
  assertEquals(code, 0, error);
  await Deno.copyFile(PROGRAM, `${folder}/main.mjs`);
  return folder;
}

interface Seen {
  readonly threads: number;
  readonly losses: readonly number[];
  readonly isLoaded: boolean;
  readonly files: readonly string[];
  readonly csv: unknown;
  readonly missing: string;
  readonly folder: string;
  readonly occupied: string;
}

/** Run the program, and check what it did; returns the losses. */
async function check(
  command: string,
  args: readonly string[],
  folder: string,
  backend: string,
  threads: number,
  env: Readonly<Record<string, string>> = {},
): Promise<readonly number[]> {
  for (const name of ["run", "log.jsonl", "model.braintape"]) {
    await Deno.remove(`${folder}/${name}`, { recursive: true }).catch(() => {});
  }
  const { code, out, error } = await run(
    command,
    [...args, "main.mjs", backend, `${threads}`],
    folder,
    env,
  );
  assertEquals(code, 0, error);
  const seen: Seen = JSON.parse(out);
  assertEquals(seen.threads, threads);
  assert(seen.losses.at(-1)! < 0.8 * seen.losses[0]!, `${seen.losses}`);
  assertEquals(seen.isLoaded, true);
  assertEquals(seen.files, [
    "history.jsonl",
    "step-000000026.braintape",
    "step-000000039.braintape",
  ]);
  assertEquals(seen.csv, ["a", "b"]);
  assertEquals(seen.missing, "Cannot read missing.csv: there is no such file");
  assertEquals(seen.folder, "Cannot read run: it is a directory");
  assert(
    seen.occupied.startsWith("Cannot fit: checkpoint.folder must have no"),
  );
  // In a pipe, an epoch is a line; one that is slow, as on WebGPU in software, says
  // more before its end.
  const line = backend === "webgpu"
    ? /^epoch [123]\/3 +(13|26|39)\/39 .* loss /gm
    : /^epoch [123]\/3 .* loss /gm;
  assertEquals(error.match(line)?.length, 3, error);
  const names = Array.from(Deno.readDirSync(`${folder}/run`), (x) => x.name);
  assert(names.every((name) => !name.startsWith(".tmp-")), `${names}`);
  return seen.losses;
}

let losses: readonly number[] | undefined;

Deno.test("a folder of Deno's with links trains, saves and loads", async () => {
  const config = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const folder = await Deno.makeTempDir();
  const imports = {
    ...config.imports,
    "@braintape/braintape": `${ROOT}mod.ts`,
  };
  const links = config.links.map((path: string) => `${ROOT}${path}`);
  await Deno.writeTextFile(
    `${folder}/deno.json`,
    JSON.stringify({ imports, links }),
  );
  await Deno.copyFile(PROGRAM, `${folder}/main.mjs`);
  const args = ["run", "-A", "--no-lock"];
  losses = await check(Deno.execPath(), args, folder, "wasm", 2);
  await Deno.remove(folder, { recursive: true });
});

let builtAt = "";

Deno.test({
  name: "the package for npm builds, and its types hold in strict projects",
  ignore,
  async fn() {
    const built = await run(Deno.execPath(), ["task", "npm"], ROOT);
    assertEquals(built.code, 0, built.error);
    builtAt = await project("typescript@5.9.3", "@types/node@22");
    await Deno.writeTextFile(
      `${builtAt}/main.ts`,
      `import { nn, optim, ParamState, tf, train, useBackend } from "@braintape/braintape";
import { saveCheckpoint } from "@braintape/braintape/checkpoint";
await useBackend("wasm", { threads: 1 });
const model = new nn.Sequential(new nn.Linear(2, 3), nn.relu, new nn.Linear(3, 2));
const optimizer = new optim.Adam({ lr: 0.1 }).registerTrainableWeights(model.states(ParamState));
const step = train.step((x: tf.Tensor2D, y: tf.Tensor1D) => nn.softmaxCrossEntropy(model.call(x), y, { reduction: "mean" }), optimizer);
const loss: tf.Scalar = step(tf.ones([1, 2]), tf.tensor1d([0], "int32"));
await saveCheckpoint("a.braintape", { model, loss: loss.dataSync()[0]! });
// @ts-expect-error there is no option "rate"
new optim.Adam({ rate: 0.1 });
`,
    );
    for (
      const [module, moduleResolution] of [
        ["nodenext", "nodenext"],
        ["esnext", "bundler"],
      ] as const
    ) {
      await Deno.writeTextFile(
        `${builtAt}/tsconfig.json`,
        JSON.stringify({
          compilerOptions: {
            ...{ module, moduleResolution, strict: true, noEmit: true },
            ...{ target: "es2024", lib: ["esnext", "dom"] },
            ...{ exactOptionalPropertyTypes: true, types: ["node"] },
            skipLibCheck: true, // tfjs' own declarations have errors
          },
          files: ["main.ts"],
        }),
      );
      const checked = await run("npx", ["--no-install", "tsc"], builtAt);
      assertEquals(checked.code, 0, checked.out);
    }
  },
});

for (const version of [22, 24]) {
  Deno.test({
    name: `Node ${version} trains with the bits of Deno, saves and loads`,
    ignore,
    async fn() {
      const node = ["--yes", `node@${version}`];
      for (const threads of [1, 2]) {
        const seen = await check("npx", node, builtAt, "wasm", threads);
        assertEquals(seen, losses);
      }
      await check("npx", node, builtAt, "cpu", 1);
    },
  });
}

/** Vulkan in software that Dawn takes, which Chromium has; Mesa 22's it does not. */
const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";

Deno.test({
  name:
    "Node and Bun train on WebGPU with npm's package webgpu, and Node says so without it",
  ignore,
  async fn() {
    const node = ["--yes", "node@22"];
    const without = await run("npx", [...node, "main.mjs", "webgpu"], builtAt);
    assert(without.code !== 0);
    assert(
      without.error.includes(
        "no graphics adapter was found: use wasm, or install npm's package webgpu",
      ),
      without.error,
    );
    const folder = await project("webgpu@0.6.2");
    const env: Record<string, string> = { XDG_RUNTIME_DIR: "/tmp" };
    const isThere = await Deno.stat(SWIFTSHADER).then(() => true, () => false);
    if (isThere) env.VK_ICD_FILENAMES = SWIFTSHADER;
    const first = await run(
      "npx",
      [...node, "main.mjs", "webgpu"],
      folder,
      env,
    );
    if (first.error.includes("no graphics adapter was found")) {
      console.log("Node's WebGPU is not tested: Dawn finds no adapter");
    } else {
      for (const runtime of [node, ["--yes", "bun"]]) {
        await check("npx", runtime, folder, "webgpu", 1, env);
      }
    }
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  name: "Node runs the first model of the README as main.mts, with its output",
  ignore,
  async fn() {
    const readme = await Deno.readTextFile(`${ROOT}README.md`);
    const [first] = shownOutputs(readme);
    await Deno.writeTextFile(`${builtAt}/main.mts`, first!.code);
    for (const version of [22, 24]) {
      const node = ["--yes", `node@${version}`, "main.mts"];
      const seen = await run("npx", node, builtAt);
      assertEquals(seen.code, 0, seen.error);
      assert(hasLines(seen.error + seen.out, first!.output), seen.error);
    }
  },
});

Deno.test({
  name: "Bun trains, saves and loads",
  ignore,
  async fn() {
    const bun = ["--yes", "bun"];
    for (const threads of [1, 2]) {
      const seen = await check("npx", bun, builtAt, "wasm", threads);
      // Its mathematical functions differ from V8's in the last bits.
      seen.forEach((loss, i) => assert(Math.abs(loss - losses![i]!) < 1e-5));
    }
    await check("npx", bun, builtAt, "cpu", 1);
  },
});

Deno.test({
  name:
    "Node and Bun decode images once the packages are there that an error names",
  ignore,
  async fn() {
    const images = `${ROOT}tests/golden/images/`;
    await Deno.writeTextFile(
      `${builtAt}/images.mjs`,
      `import { data } from "@braintape/braintape";
for (const name of ["rgb.png", "gray.jpg"]) {
  const read = data.readImage(${JSON.stringify(images)} + name);
  console.log(await read.then(({ shape }) => String(shape), (error) => error.message));
}
`,
    );
    const read = async (runtime: string) => {
      const args = ["--yes", runtime, "images.mjs"];
      const { out, error } = await run("npx", args, builtAt);
      assertEquals(error, "");
      return out.trim().split("\n");
    };
    const packages = ["fast-png@8.0.0", "jpeg-js@0.4.4"];
    const [png, jpeg] = await read("node@22");
    assertEquals(
      png,
      `Cannot decode ${images}rgb.png: the package fast-png must be there: npm install fast-png@8.0.0`,
    );
    assert(jpeg!.endsWith("npm install jpeg-js@0.4.4"), jpeg);
    const args = ["install", "--silent", "--no-audit", "--no-fund"];
    const installed = await run("npm", [...args, ...packages], builtAt);
    assertEquals(installed.code, 0, installed.error);
    for (const runtime of ["node@22", "bun"]) {
      assertEquals(await read(runtime), ["9,13,3", "24,40,3"]);
    }
  },
});

Deno.test({
  name:
    "a process of Node that is killed leaves a file that the next one removes",
  ignore,
  async fn() {
    await Deno.writeTextFile(
      `${builtAt}/killed.mjs`,
      `import { saveCheckpoint } from "@braintape/braintape";
import { openSync, writeFileSync, readdirSync } from "node:fs";
import { hostname } from "node:os";
import process from "node:process";
const host = Buffer.from(hostname()).toString("hex").slice(0, 64);
const name = (pid) => "saved/.tmp-" + pid + "@" + host + "-x";
await saveCheckpoint("saved/a.braintape", { step: 1 });
writeFileSync(name(2 ** 22 + 1), "left over"); // no system has so many processes
writeFileSync(name(process.pid), "being written");
writeFileSync("saved/.tmp-12@00-x", "of another host");
await saveCheckpoint("saved/b.braintape", { step: 2 });
console.log(JSON.stringify(readdirSync("saved").length));
process.exit(0);
`,
    );
    const seen = await run("npx", ["--yes", "node@22", "killed.mjs"], builtAt);
    assertEquals(seen.out.trim(), "4", seen.error);
    await Deno.remove(builtAt, { recursive: true });
  },
});
