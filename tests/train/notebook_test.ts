/** The progress of training in notebooks. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "../../tf.ts";
import type { FitOptions } from "../../train/mod.ts";
import * as train from "../../train/mod.ts";
import { onEachBackend } from "../_backends.ts";
import { findChromium, Page } from "./_browser.ts";
import { line, numbers, type X } from "./_setup.ts";

const only = { only: ["cpu"] } as const;

/** What a run shows in a notebook, one update after the other. */
async function shown(
  rest: Partial<FitOptions<X>>,
  interval = 0,
): Promise<{ html: string; text: string; id: string; isUpdate: boolean }[]> {
  const updates: {
    html: string;
    text: string;
    id: string;
    isUpdate: boolean;
  }[] = [];
  const callback = train.notebookDisplay({
    interval,
    display(data, id, isUpdate) {
      const html = data["text/html"]!, text = data["text/plain"]!;
      updates.push({ html, text, id, isUpdate });
      return Promise.resolve();
    },
  });
  await train.fit({ ...line(), callbacks: [callback], ...rest });
  return updates;
}

const HALF = { half: () => tf.scalar(0.5) };

onEachBackend(
  "a notebook has one output that is updated, with bar, table and curves",
  async () => {
    const updates = await shown({
      epochs: 12,
      logEvery: 2,
      validation: numbers(),
      trainingSample: numbers(),
      metrics: HALF,
      name: "a <run>",
    });
    assertEquals(new Set(updates.map(({ id }) => id)).size, 1);
    assertEquals(updates.map(({ isUpdate }) => isUpdate), [
      false,
      ...updates.slice(1).map(() => true),
    ]);
    // At the start, every two steps, after each epoch, and at the end.
    assertEquals(updates.length, 1 + 24 + 12 + 1);
    const { html, text } = updates.at(-1)!;
    assert(html.includes("a &lt;run&gt;, done: epoch 12/12"));
    assert(html.includes('<progress value="48" max="48"'));
    // The last ten epochs.
    assertEquals(html.match(/<tr>/g)?.length, 11);
    for (
      const name of ["epoch", "loss", "val loss", "val half", "train half"]
    ) assert(html.includes(`>${name}</th>`), name);
    for (const title of ["Loss", "Half"]) {
      assert(html.includes(`aria-label="${title}"`));
    }
    assert(text.startsWith("epoch 12/12  48/48  loss "));
    assert(!html.includes("<script"));
  },
  only,
);

onEachBackend("a notebook is updated at most once an interval", async () => {
  const updates = await shown({ epochs: 2, logEvery: 1 }, 1000);
  assertEquals(updates.length, 1 + 2 + 1);
}, only);

Deno.test("outside of a notebook Deno.jupyter throws, and so does notebookDisplay()", () => {
  assertThrows(() => Deno.jupyter, Error, "deno jupyter");
  assertThrows(
    () => train.notebookDisplay(),
    Error,
    "Cannot create notebookDisplay: it needs a notebook",
  );
});

/** A Python with the packages that run notebooks. */
const python = Deno.env.get("BRAINTAPE_PYTHON") ?? "python3";

/** The outputs of each cell; undefined if notebooks cannot be run here. */
async function run(cells: readonly string[]): Promise<
  | { data?: Record<string, string>; name?: string; text?: string }[][]
  | undefined
> {
  let process: Deno.ChildProcess;
  try {
    process = new Deno.Command(python, {
      args: [new URL("_notebook.py", import.meta.url).pathname],
      cwd: new URL("../..", import.meta.url),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch {
    return undefined;
  }
  const input = process.stdin.getWriter();
  await input.write(new TextEncoder().encode(JSON.stringify(cells)));
  await input.close();
  const { code, stdout, stderr } = await process.output();
  if (code === 3) return undefined;
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  return JSON.parse(decoder.decode(stdout));
}

Deno.test("in Deno's Jupyter kernel the progress bar is such an output", async () => {
  const mod = new URL("../../mod.ts", import.meta.url);
  const outputs = await run([
    `import { nn, optim, ParamState, random, tf, train, useBackend } from "${mod}";`,
    `await useBackend("cpu");
random.seed(1);
const points = await random.uniform([1000, 2], { min: -1, max: 1 }).data();
const labels = Int32Array.from(
  { length: 1000 },
  (_, i) => +(Math.hypot(points[2 * i], points[2 * i + 1]) < 0.7),
);
const [learn, test] = new train.Dataset([
  train.column(points, [2]),
  train.column(labels),
]).split(0.8);
const model = new nn.Sequential(
  new nn.Linear(2, 32),
  nn.relu,
  new nn.Dropout({ rate: 0.2 }),
  new nn.Linear(32, 2),
);
await train.fit({
  name: "circle",
  model,
  optimizer: new optim.AdamW({ lr: 0.01 })
    .registerTrainableWeights(model.states(ParamState)),
  loss: (x, y) =>
    nn.softmaxCrossEntropy(model.call(x), y, { reduction: "mean" }),
  data: train.batches(learn, { batchSize: 32, shuffle: true }),
  validation: train.batches(test, { batchSize: 200 }),
  trainingSample: train.batches(learn.split(200)[0], { batchSize: 200 }),
  metrics: { accuracy: new nn.AccuracyMetric() },
  epochs: 8,
  callbacks: [train.progressBar()],
});
undefined;`,
  ]);
  if (!outputs) {
    console.log(
      `A real notebook is skipped: ${python} has no packages nbclient and ipykernel; BRAINTAPE_PYTHON may name another`,
    );
    return;
  }
  const [output, ...more] = outputs[1]!;
  assertEquals(more, []);
  const html = output!.data!["text/html"]!;
  assert(html.includes("circle, done: epoch 8/8"), html);
  assert(html.includes("<svg"));
  assert(output!.data!["text/plain"]!.startsWith("epoch 8/8  200/200  loss "));
  const chromium = findChromium();
  if (!chromium) return;
  await Deno.mkdir("runs", { recursive: true });
  const file = await Deno.realPath("runs") + "/notebook.html";
  await Deno.writeTextFile(
    file,
    `<!doctype html><meta charset="utf-8"><body style="font:14px system-ui">${html}`,
  );
  await using page = await Page.open(chromium, `file://${file}`);
  await page.until("document.querySelectorAll('svg').length > 0", 20);
  await page.screenshot("runs/notebook.png");
  assertEquals(
    await page.evaluate("document.querySelector('progress').position"),
    1,
  );
});
