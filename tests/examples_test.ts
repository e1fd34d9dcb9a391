import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { parseOptions } from "../examples/_cli.ts";
import { serve } from "../examples/web_server.ts";
import { useBackend } from "../backend/mod.ts";
import { Gpt2, savePretrained } from "../models/mod.ts";
import * as optim from "../optim/mod.ts";
import * as random from "../random.ts";
import { ParamState } from "../state.ts";
import * as tf from "../tf.ts";
import * as train from "../train/mod.ts";
import { FULL } from "./_backends.ts";

const ROOT = new URL("..", import.meta.url);

/** As `deno task train`, which may write below `runs/` only. */
const PERMISSIONS = ["--allow-read", "--allow-write", "--allow-env"];

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function command(
  example: string,
  args: string[],
  permissions = PERMISSIONS,
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--no-prompt",
      ...permissions,
      `examples/${example}.ts`,
      ...args,
    ],
    cwd: ROOT,
    stdout: "piped",
    stderr: "piped",
    // Else Vulkan's loader complains.
    env: { XDG_RUNTIME_DIR: "/tmp" },
  });
}

async function run(
  example: string,
  args: string[] = [],
  permissions?: string[],
): Promise<Ended> {
  const { code, stdout, stderr } = await command(example, args, permissions)
    .output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

async function inFolder(fn: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await fn(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Write `count` digits of 28 by 28 in the files of MNIST: a bar for each. */
async function writeDigits(folder: string, count: number): Promise<void> {
  const size = 28 * 28;
  const header = (type: number, ...shape: number[]) => {
    const bytes = new Uint8Array(4 + 4 * shape.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, type);
    shape.forEach((n, i) => view.setUint32(4 + 4 * i, n));
    return bytes;
  };
  const images = new Uint8Array(count * size);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
  // A bar as thick as the class says: wherever it is moved, it can be told.
  labels.forEach((label, i) =>
    images.fill(255, i * size + 3 * 28, i * size + (4 + 2 * label) * 28)
  );
  const write = (name: string, ...parts: Uint8Array<ArrayBuffer>[]) =>
    Deno.writeFile(`${folder}/${name}`, new Blob(parts).stream());
  for (const part of ["train", "t10k"]) {
    await write(
      `${part}-images-idx3-ubyte`,
      header(0x803, count, 28, 28),
      images,
    );
    await write(`${part}-labels-idx1-ubyte`, header(0x801, count), labels);
  }
}

Deno.test("train.ts learns the spirals and prints the paths of its files", () =>
  inFolder(async (out) => {
    const { code, stdout, stderr } = await run("train", [
      "--out",
      out,
      "--threads",
      "1",
    ]);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /backend \w+, 1 thread\n/);
    const accuracy = Number(/test accuracy ([\d.]+)/.exec(stdout)?.[1]);
    assert(accuracy >= 0.98, stdout);
    assertStringIncludes(stdout, `report ${out}/report.html`);
    assertStringIncludes(
      await Deno.readTextFile(`${out}/report.html`),
      "Decision boundary",
    );
    const { end, steps } = await train.readRunLog(`${out}/log.jsonl`);
    assertEquals([end?.reason, steps.at(-1)?.step], ["done", 1800]);
  }));

Deno.test("train.ts reports wrong options and files", () =>
  inFolder(async (folder) => {
    await writeDigits(folder, 1);
    await Deno.writeFile(
      `${folder}/train-images-idx3-ubyte`,
      Uint8Array.of(0, 0, 8, 3, 0, 0),
    );
    const wrong: [args: string[], message: string, permissions?: string[]][] = [
      [
        ["--backend", "cuda"],
        "--backend: it must be one of auto, webgpu, wasm, cpu",
      ],
      [["--data", "mnist"], "--data-dir must name a folder"],
      [["--data", "mnist", "--data-dir", `${folder}/none`], "does not exist"],
      [
        ["--data", "mnist", "--data-dir", folder],
        "the file is truncated: it holds 6 of 16 bytes",
      ],
      [["--out", `${folder}/x`, "--backend", "wasm"], "needs --allow-read", [
        "--allow-write",
        "--allow-env",
      ]],
    ];
    await Promise.all(wrong.map(async ([args, message, permissions]) => {
      const { code, stderr } = await run("train", args, permissions);
      assertEquals(code, 1, stderr);
      assertStringIncludes(stderr, message);
      assert(!stderr.includes("    at "), `no stack trace:\n${stderr}`);
    }));
  }));

for (const example of ["train", "mnist", "char_gpt"]) {
  Deno.test(`${example} leaves a folder alone that holds what no run made`, () =>
    inFolder(async (folder) => {
      const out = `${folder}/documents`;
      await Deno.mkdir(`${out}/sub`, { recursive: true });
      await Deno.writeTextFile(`${out}/thesis.txt`, "years of work");
      await Deno.writeTextFile(`${out}/sub/draft.txt`, "a draft");
      await writeDigits(folder, 64);
      await Deno.writeTextFile(
        `${folder}/text`,
        "To be, or not to be. ".repeat(99),
      );
      const data = {
        train: ["--epochs", "1"],
        mnist: ["--epochs", "1", "--data-dir", folder],
        char_gpt: [
          "--data",
          `${folder}/text`,
          "--steps",
          "20",
          "--context",
          "8",
        ],
      }[example]!;
      for (const resume of [[], ["--resume"]]) {
        const args = [...data, "--backend", "cpu", "--out", out, ...resume];
        const { code, stderr } = await run(example, args);
        assertEquals(code, 1, stderr);
        assertStringIncludes(stderr, "must be new, empty or the folder of an");
      }
      const names = Array.from(Deno.readDirSync(out), ({ name }) => name);
      assertEquals(names.sort(), ["sub", "thesis.txt"]);
      assertEquals(await Deno.readTextFile(`${out}/sub/draft.txt`), "a draft");
    }));
}

Deno.test("a second run keeps the first one's files", () =>
  inFolder(async (out) => {
    const args = ["--quick", "--backend", "cpu", "--out", out];
    await run("train", args);
    const report = await Deno.readTextFile(`${out}/report.html`);
    const { stdout, stderr } = await run("train", args);
    assertStringIncludes(stdout, `report ${out}/2/report.html`, stderr);
    assertEquals(await Deno.readTextFile(`${out}/report.html`), report);
  }));

Deno.test("parquet.ts learns from a Parquet file", async () => {
  const { code, stdout, stderr } = await run("parquet");
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "500 flowers of length and width\n");
  const accuracy = Number(/accuracy ([\d.]+)/.exec(stdout)?.[1]);
  assert(accuracy >= 0.9, stdout);
});

Deno.test("tokenizers.ts classifies what a tokenizer of Hugging Face has split", async () => {
  const { code, stdout, stderr } = await run("tokenizers");
  assertEquals(code, 0, stderr);
  assertStringIncludes(
    stdout,
    `praise: the music was brilliant (the music was brilliant)
blame: dull films (dull film ##s)
praise: a moving story (a moving story)`,
  );
});

Deno.test("tasks that write may write below runs/ and the cache of downloads only, and none has all permissions but tests and benches", async () => {
  const text = await Deno.readTextFile(new URL("deno.json", ROOT));
  const tasks: Record<string, string> = JSON.parse(text).tasks;
  for (const name of ["train", "report"]) {
    assertMatch(tasks[name]!, / --allow-write=runs /);
  }
  assertMatch(tasks["web"]!, / --allow-write=runs,\.cache /);
  for (const [name, command] of Object.entries(tasks)) {
    if (command.includes(" -A")) assertMatch(name, /^(test|bench)/);
  }
});

Deno.test("the web server answers GET and HEAD, on this machine only", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/index.html`, "<h1>page</h1>");
    await Deno.writeTextFile(`${folder}/secret.txt`, "no");
    const server = serve(folder, 0);
    try {
      assertEquals(server.addr.hostname, "127.0.0.1");
      const url = `http://127.0.0.1:${server.addr.port}`;
      const status = async (method: string, path = "/") => {
        const response = await fetch(`${url}${path}`, { method });
        await response.body?.cancel();
        return response.status;
      };
      assertEquals(await status("GET"), 200);
      assertEquals(await status("HEAD"), 200);
      for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
        assertEquals(await status(method), 405, method);
      }
      for (const path of ["/secret.txt", "/%2e%2e/deno.json", "/none.html"]) {
        assertEquals(await status("GET", path), 404, path);
      }
    } finally {
      await server.shutdown();
    }
  }));

Deno.test("parseOptions() takes types from defaults and refuses the rest", () => {
  const spec = {
    maxLr: { default: 0.1, help: "rate" },
    kind: { default: "a", help: "which", choices: ["a", "b"] },
    quick: { default: false, help: "less" },
  };
  const parse = (...args: string[]) => parseOptions("", spec, args);
  assertEquals(parse(), { maxLr: 0.1, kind: "a", quick: false });
  assertEquals(parse("--max-lr=2", "--kind", "b", "--quick"), {
    maxLr: 2,
    kind: "b",
    quick: true,
  });
  for (
    const args of [
      ["--max-lr", "x"],
      ["--max-lr=-1"],
      ["--kind", "c"],
      ["--nope"],
      ["rest"],
      ["--kind"],
    ]
  ) {
    let message = "";
    try {
      parse(...args);
    } catch (error) {
      message = (error as Error).message;
    }
    assertMatch(
      message,
      /^(Cannot use --|Unknown option|Unexpected argument|Option )/,
    );
  }
});

/** The losses, rates and norms of a run: all that does not depend on the clock. */
async function measured(out: string): Promise<unknown> {
  const { steps, evaluations, end } = await train.readRunLog(
    `${out}/log.jsonl`,
  );
  assertEquals(end?.reason, "done");
  return [
    steps.map((
      { step, epoch, loss, lr, gradNorm },
    ) => [step, epoch, loss, lr, gradNorm]),
    evaluations.map(({ step, values }) => [step, values]),
  ];
}

/**
 * Start an example, and send it a signal once its log has a record of `step` or
 * later.
 */
async function killAt(
  step: number,
  example: string,
  args: string[],
  out: string,
  signal: "SIGKILL" | "SIGINT" = "SIGKILL",
): Promise<Ended> {
  const process = command(example, args).spawn();
  const drained = Promise.all([process.stdout.text(), process.stderr.text()]);
  for (let tries = 0; tries < 2000; tries++) {
    const log = await train.readRunLog(`${out}/log.jsonl`).catch(() =>
      undefined
    );
    if ((log?.steps.at(-1)?.step ?? 0) >= step) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  process.kill(signal);
  const status = await process.status;
  if (signal === "SIGKILL") {
    assertEquals(status.signal, signal, "it had not ended by itself");
  }
  const [stdout, stderr] = await drained;
  return { code: status.code, stdout, stderr };
}

async function assertResumes(
  example: string,
  args: string[],
  step: number,
): Promise<void> {
  await inFolder(async (folder) => {
    const all = [...args, "--backend", "wasm", "--threads", "1", "--out"];
    const straight = await run(example, [...all, `${folder}/a`]);
    assertEquals(straight.code, 0, straight.stderr);
    await killAt(step, example, [...all, `${folder}/b`], `${folder}/b`);
    const resumed = await run(example, [...all, `${folder}/b`, "--resume"]);
    assertEquals(resumed.code, 0, resumed.stderr);
    assertEquals(await measured(`${folder}/b`), await measured(`${folder}/a`));
  });
}

Deno.test("train.ts killed and resumed ends with the same losses, bit for bit", () =>
  assertResumes("train", ["--epochs", "20"], 250));

Deno.test("an interrupt ends train.ts with a checkpoint", () =>
  inFolder(async (folder) => {
    const args = ["--threads", "1", "--epochs", "400", "--out", folder];
    const ended = await killAt(100, "train", args, folder, "SIGINT");
    assertEquals(ended.code, 0, ended.stderr);
    assertStringIncludes(ended.stdout, "interrupted; --resume goes on");
    const { end } = await train.readRunLog(`${folder}/log.jsonl`);
    const names = Array.from(Deno.readDirSync(`${folder}/checkpoints`));
    const newest = names.map(({ name }) =>
      Number(/\d+/.exec(name))
    ).sort((a, b) => b - a)[0];
    assertEquals([end?.reason, newest], ["interrupted", end?.step]);
  }));

Deno.test({
  name: "the GPT killed and resumed ends with the same losses, bit for bit",
  ignore: !FULL,
  fn: () =>
    inFolder(async (folder) => {
      const text = "To be, or not to be, that is the question:\n".repeat(60);
      await Deno.writeTextFile(`${folder}/text`, text);
      const small = [
        "--layers",
        "1",
        "--heads",
        "2",
        "--width",
        "16",
        "--context",
        "16",
        "--batch",
        "4",
        "--write",
        "20",
      ];
      await assertResumes("char_gpt", [
        "--data",
        `${folder}/text`,
        "--steps",
        "600",
        ...small,
      ], 300);
    }),
});

Deno.test({
  name: "the digits killed and resumed end with the same losses, bit for bit",
  ignore: !FULL,
  fn: () =>
    inFolder(async (folder) => {
      await writeDigits(folder, 640);
      await assertResumes(
        "mnist",
        ["--data-dir", folder, "--epochs", "12"],
        110,
      );
    }),
});

Deno.test("mnist.ts trains both models", () =>
  inFolder(async (folder) => {
    await writeDigits(folder, 160);
    await Promise.all(["mlp", "cnn"].map(async (model) => {
      const { code, stdout, stderr } = await run("mnist", [
        "--model",
        model,
        "--data-dir",
        folder,
        "--epochs",
        "14",
        "--threads",
        "1",
        "--out",
        `${folder}/${model}`,
      ]);
      assertEquals(code, 0, stderr);
      const accuracy = Number(/test accuracy ([\d.]+)/.exec(stdout)?.[1]);
      assert(accuracy >= 0.8, stdout);
    }));
  }));

Deno.test("mnist.ts without a network names the option to use instead", () =>
  inFolder(async (folder) => {
    const { code, stderr } = await run("mnist", ["--cache", folder], [
      "--allow-all",
      "--deny-net",
    ]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "--data-dir");
  }));

Deno.test("lbfgs_fit.ts finds the parameters of the curve", async () => {
  const { code, stdout, stderr } = await run("lbfgs_fit");
  assertEquals(code, 0, stderr);
  const found = [...stdout.matchAll(/^\w+ +([\d.]+) +\(true ([\d.]+)\)$/gm)];
  assertEquals(found.length, 5);
  for (const [, value, truth] of found) {
    assertAlmostEquals(Number(value), Number(truth), 0.1);
  }
});

Deno.test("fit_model.ts finds the rhythm by a search, and the rest by gradients", async () => {
  const { code, stdout, stderr } = await run("fit_model");
  assertEquals(code, 0, stderr);
  const found = [
    ...stdout.matchAll(/^\w+ +([\d.]+) +([\d.]+) +\(true ([\d.]+)\)$/gm),
  ].map((line) => line.slice(1).map(Number));
  assertEquals(found.length, 4);
  for (const [, value, truth] of found) {
    assertAlmostEquals(value!, truth!, 0.05 * truth!);
  }
  const [alone, rough, fine] = [...stdout.matchAll(/misfit ([\d.]+)/g)]
    .map(([, value]) => Number(value));
  // Less than the noise has: four numbers were fitted to it.
  assert(fine! < 1 && rough! > fine! && alone! > 10, stdout);
});

Deno.test("spirals.ts learns the spirals in a loop of its own", async () => {
  const { code, stdout, stderr } = await run("spirals");
  assertEquals(code, 0, stderr);
  const accuracy = Number(/test accuracy ([\d.]+)/.exec(stdout)?.[1]);
  assert(accuracy > 0.97, stdout);
});

Deno.test("custom_optimizer.ts comes closer to the minimum with each line", async () => {
  const { code, stdout, stderr } = await run("custom_optimizer");
  assertEquals(code, 0, stderr);
  const firsts = [...stdout.matchAll(/\[\s*(-?[\d.]+),/g)].map(([, x]) =>
    Number(x)
  );
  assertEquals(firsts.length, 4);
  assertEquals(firsts, firsts.toSorted((a, b) => b - a));
});

Deno.test("char_gpt.ts with small settings learns and writes text", () =>
  inFolder(async (folder) => {
    const text = "To be, or not to be, that is the question:\n".repeat(60);
    await Deno.writeTextFile(`${folder}/text`, text);
    const { code, stdout, stderr } = await run(
      "char_gpt",
      `--layers 1 --heads 2 --width 16 --context 16 --batch 4 --write 20 --steps 60 --threads 1 --backend wasm --data ${folder}/text --out ${folder}/run`
        .split(" "),
    );
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /60 steps/);
  }));

Deno.test("diffusion.ts makes points that are near the data after few passes", async () => {
  const { code, stdout, stderr } = await run("diffusion", ["--epochs", "40"]);
  assertEquals(code, 0, stderr);
  const near = Number(/generated ([\d.]+) %/.exec(stdout)?.[1]);
  assert(near > 20, stdout);
});

Deno.test("delayed_match.ts trains a memory, and tells its accuracy by delay", async () => {
  const { code, stdout, stderr } = await run("delayed_match", [
    "--epochs",
    "2",
    "--count",
    "200",
  ]);
  assertEquals(code, 0, stderr);
  const accuracy = Number(/^accuracy ([\d.]+)/.exec(stdout)?.[1]);
  assert(accuracy > 0.53, stdout);
  assertEquals(stdout.match(/^delay of \d+ to \d+ ms: [\d.]+$/gm)?.length, 3);
  assertStringIncludes(stdout, "picture runs/delayed_match.svg");
});

Deno.test("finetune.ts adapts a transformer, saves the adaptation alone and merges it", async () => {
  const { code, stdout, stderr } = await run("finetune");
  assertEquals(code, 0, stderr);
  const counts = Array.from(
    stdout.matchAll(/(\d+) of (\d+)$/gm),
    ([, count, of]) => [Number(count), Number(of)],
  );
  const [before, last, shown, others, merged] = counts.map(([count]) => count!);
  assertEquals(counts.map(([, of]) => of), [12, 12, 6, 6, 12]);
  assertEquals([before, last, shown], [12, 0, 6], stdout);
  assert(others! >= 3, stdout);
  assertEquals(merged, shown! + others!);
  assertStringIncludes(stdout, "6144 of 64560 parameters are trained");
});

/** A tokenizer of single bytes, as GPT-2's without merges. */
function byteTokenizer(): object {
  const printable = (byte: number) =>
    byte >= 0x21 && byte <= 0x7e || byte >= 0xa1 && byte !== 0xad;
  let others = 0;
  const characters = Array.from(
    { length: 256 },
    (_, byte) => String.fromCodePoint(printable(byte) ? byte : 256 + others++),
  );
  const bytes = {
    type: "ByteLevel",
    add_prefix_space: false,
    trim_offsets: true,
    use_regex: true,
  };
  const vocab = Object.fromEntries(characters.map((c, byte) => [c, byte]));
  return {
    version: "1.0",
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: bytes,
    post_processor: null,
    decoder: bytes,
    model: { type: "BPE", vocab, merges: [] },
  };
}

Deno.test("gpt2.ts continues a text with the model of a folder", () =>
  inFolder(async (folder) => {
    await useBackend("wasm", { threads: 1 });
    random.seed(1);
    const sizes = { context: 48, width: 32, layers: 1, heads: 2 };
    const model = new Gpt2({ vocabulary: 257, ...sizes, rate: 0 });
    const optimizer = new optim.Adam({ lr: 0.01 })
      .registerTrainableWeights(model.states(ParamState));
    const step = train.step((x: tf.Tensor2D) => model.loss(x), optimizer);
    const text = new TextEncoder().encode("grün ist die Wiese. ".repeat(3));
    const tokens = tf.tensor2d([...text.subarray(0, 48)], [1, 48], "int32");
    for (let i = 0; i < 120; i++) step(tokens).dispose();
    await savePretrained(`${folder}/model.safetensors`, model);
    const config = {
      vocab_size: 257,
      n_positions: sizes.context,
      n_embd: sizes.width,
      n_layer: sizes.layers,
      n_head: sizes.heads,
      eos_token_id: 256,
    };
    for (
      const [name, content] of Object.entries({
        "config.json": config,
        "tokenizer.json": byteTokenizer(),
        "tokenizer_config.json": {},
      })
    ) await Deno.writeTextFile(`${folder}/${name}`, JSON.stringify(content));
    const args = ["--folder", folder, "--prompt", "grün ist", "--tokens", "16"];
    const greedy = await run("gpt2", [...args, "--temperature", "0"]);
    assertEquals(greedy.code, 0, greedy.stderr);
    assertEquals(greedy.stdout.split("\n")[0], "grün ist die Wiese. grü");
    const none = await run("gpt2", ["--folder", `${folder}/none`]);
    assertEquals(none.code, 1);
    assertStringIncludes(none.stderr, "--folder must name a folder");
  }));

Deno.test("report.ts compares runs", () =>
  inFolder(async (folder) => {
    for (const optimizer of ["adamw", "sgd"]) {
      await run("train", [
        "--quick",
        "--optimizer",
        optimizer,
        "--backend",
        "cpu",
        "--out",
        `${folder}/${optimizer}`,
      ]);
    }
    const { code, stderr } = await run("report", [
      `${folder}/adamw`,
      `${folder}/sgd/log.jsonl`,
    ]);
    assertEquals(code, 0, stderr);
    const page = await Deno.readTextFile(new URL("runs/report.html", ROOT));
    for (
      const text of ["Training loss", "adamw", "sgd/log.jsonl"]
    ) assertStringIncludes(page, text);
    const missing = await run("report", [`${folder}/none`]);
    assertStringIncludes(missing.stderr, "there is no such file");
  }));
