import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { useBackend } from "../../backend/mod.ts";
import { modules } from "../../scripts/site/api.ts";
import {
  optimizerNames,
  optimizerPage,
} from "../../scripts/site/reference/optimizer_pages.ts";
import { optionsOf } from "../../scripts/site/reference/options.ts";
import { referencePages } from "../../scripts/site/reference/pages.ts";
import { toMarkdown } from "../../scripts/site/reference/prose.ts";
import {
  schedulerNames,
  schedulerPage,
} from "../../scripts/site/reference/scheduler_pages.ts";
import {
  declarationOf,
  readSymbols,
} from "../../scripts/site/reference/symbols.ts";
import { FULL } from "../_backends.ts";

const ROOT = new URL("../../", import.meta.url);
const symbols = await readSymbols(new URL("optim/mod.ts", ROOT));
const optimizers = optimizerNames(symbols);
const schedulers = schedulerNames(symbols);
const nowhere = () => undefined;

Deno.test("each optimizer and scheduler says when to take it, and what its options are", () => {
  assertEquals([optimizers.length, schedulers.length], [43, 21]);
  for (const name of [...optimizers, ...schedulers]) {
    const own = declarationOf(symbols, name);
    assertStringIncludes(own.jsDoc?.doc ?? "", "\nTake it ", name);
    const options = optionsOf(symbols, own);
    assert(options.length > 0, name);
    for (const option of options) {
      assert(option.jsDoc?.doc, `${name}: ${option.name}`);
    }
  }
});

Deno.test("options are those of the interface and of what it extends, once each", () => {
  const names = (name: string) =>
    optionsOf(symbols, declarationOf(symbols, name)).map(({ name }) => name);
  assertEquals(names("Lion"), [
    "lr",
    "gradClipNorm",
    "gradClipValue",
    "weightDecay",
    "decayMask",
    "betas",
  ]);
  assertEquals(names("StepLR"), ["stepSize", "gamma", "baseLr", "lastEpoch"]);
  assertEquals(names("SequentialLR"), [
    "milestones",
    "schedulers",
    "lastEpoch",
  ]);
});

Deno.test("the links of comments become links of Markdown", () => {
  const page = (name: string) => name === "Adam" ? "/adam.md" : undefined;
  assertEquals(
    toMarkdown(
      "{@linkcode Adam}, {@linkcode\nadam}\n{@link https://a.org/b | A and\nB, 2017}",
      page,
    ),
    "[`Adam`](/adam.md), `adam`\n[A and B, 2017](https://a.org/b)",
  );
});

Deno.test("a page of an optimizer has its rule, its options and its paths", async () => {
  await useBackend("wasm", { threads: 1 });
  const page = await optimizerPage(symbols, "AdamW", nowhere);
  for (
    const text of [
      "# AdamW\n",
      "θ ← θ - α (m̂ / (√v̂ + ε) + λ θ)",
      "v̂ = v / (1 - β₂ᵗ)", // of scaleByAdam
      "| `betas` | Decay rates",
      "(https://arxiv.org/abs/1711.05101)",
    ]
  ) assertStringIncludes(page, text);
  assertEquals(page.match(/<svg class="surface"/g)?.length, 2);
});

Deno.test("a page of a scheduler has its formula and a curve for each panel", () => {
  const pages = schedulers.map((name) => schedulerPage(symbols, name, nowhere));
  for (const page of pages) assertStringIncludes(page, "lr");
  const cyclic = pages[schedulers.indexOf("CyclicLR")]!;
  assertEquals(cyclic.match(/<svg class="schedule"/g)?.length, 3);
});

Deno.test("modules are named as users import them, and say what they have", async () => {
  const text = await Deno.readTextFile(new URL("deno.json", ROOT));
  const { name, exports } = JSON.parse(text);
  const found = modules(ROOT, name, exports);
  const specifierOf = (folder: string) =>
    found.find((module) => module.folder === folder)?.specifier;
  assertEquals(specifierOf("optim"), "@braintape/braintape/optim");
  assertEquals(specifierOf("compile.ts"), "@braintape/braintape");
  for (const { folder, about } of found) {
    assert(about.endsWith("."), `${folder}: ${about}`);
  }
});

Deno.test({
  name: "the examples of all pages run",
  ignore: !FULL,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      const names: string[] = [];
      for (const [path, text] of await referencePages(ROOT)) {
        const name = path.replace("/", "_");
        if (text.includes("```ts")) names.push(name);
        await Deno.writeTextFile(`${folder}/${name}`, text);
      }
      assertEquals(names.length, optimizers.length + schedulers.length);
      const config = new URL("deno.json", ROOT).pathname;
      const { success, stdout, stderr } = await new Deno.Command(
        Deno.execPath(),
        {
          args: ["test", "-A", "--doc", "--config", config, ...names],
          cwd: folder,
        },
      ).output();
      const log = new TextDecoder().decode(stdout) +
        new TextDecoder().decode(stderr);
      assert(success, log);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
