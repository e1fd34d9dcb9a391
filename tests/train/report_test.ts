/** Reports in a browser, and what they hold. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { useBackend } from "../../backend/mod.ts";
import * as nn from "../../nn/mod.ts";
import * as optim from "../../optim/mod.ts";
import * as random from "../../random.ts";
import { ParamState } from "../../state.ts";
import * as tf from "../../tf.ts";
import * as train from "../../train/mod.ts";
import { ticksOf } from "../../train/report/axis.ts";
import { bitmapAddress, imageShapeOf } from "../../train/report/bitmap.ts";
import { onEachBackend } from "../_backends.ts";
import { inFolder } from "../_folder.ts";
import { findChromium, Page } from "./_browser.ts";
import { line, numbers } from "./_setup.ts";

const only = { only: ["cpu"] } as const;

const chromium = findChromium();
if (!chromium) {
  console.log(
    "Tests of reports in a browser are skipped: Debian's package chromium is not installed",
  );
}

/** A run of 1,000 steps, whose loss falls from 1 to 0.1. */
function runLog(name: string, factor = 1, isOver = true): train.RunLog {
  const steps = Array.from({ length: 100 }, (_, i) => ({
    step: 10 * (i + 1),
    epoch: (i + 1) / 10,
    time: i,
    loss: factor * 10 ** (-(i + 1) / 100),
    lr: 0.01,
    gradNorm: 2,
    rate: 50,
  }));
  const evaluations = [250, 500, 750, 1000].map((step, i) => ({
    step,
    epoch: step / 100,
    time: step / 10,
    values: {
      loss: factor * [0.8, 0.6, 0.5, 0.7][i]!,
      accuracy: 0.6 + 0.1 * i,
    },
    training: { loss: factor * 0.3, accuracy: 0.9 },
    matrices: { confusion: [[4, 1], [0, 5]] },
  }));
  const end = { step: 1000, time: 100, reason: "done" };
  return { name, config: {}, steps, evaluations, ...(isOver ? { end } : {}) };
}

Deno.test("axes have three to eight ticks at round numbers, wherever they begin", () => {
  for (let i = 0; i < 2000; i++) {
    const [min, range] = [Math.sin(i) * 10 ** (i % 9 - 4), 10 ** (i % 13 - 6)];
    const ticks = ticksOf(min, min + range * (1 + i % 7), false);
    assert(ticks.length >= 3 && ticks.length <= 8, `${ticks}`);
    const step = ticks[1]! - ticks[0]!;
    const digits = step / 10 ** Math.floor(Math.log10(step * 1.001));
    assert([1, 2, 5].some((x) => Math.abs(x - digits) < 1e-4), `${ticks}`);
  }
});

Deno.test("values that differ by rounding only are drawn as equal ones", () => {
  const points = [[0, 0], [1, 5e-324]] as const;
  const svg = train.lineChart({ title: "t", series: [{ name: "a", points }] });
  assert(!/NaN|Infinity/.test(svg));
  for (const value of [1, -0.1, 1e9, 1e-300]) {
    const near = value * (1 + 3 * Number.EPSILON);
    assertEquals(
      ticksOf(...[value, near].sort((a, b) => a - b) as [number, number], false)
        .length,
      1,
    );
    const run = runLog("a");
    const steps = run.steps.map((record, i) => ({
      ...record,
      ...{ loss: i % 2 ? value : near, lr: i % 2 ? near : value },
    }));
    const page = train.renderReport([{ ...run, steps }]);
    assert(!/NaN|Infinity/.test(page));
  }
});

Deno.test("a config may have the names of what a report tells", () => {
  const config = { steps: 77, ended: "never" };
  const page = train.renderReport([{ ...runLog("a"), config }]);
  for (
    const [name, text] of [["steps", 1000], ["steps", 77], ["ended", "done"], [
      "ended",
      "never",
    ]]
  ) {
    assertStringIncludes(page, `<dt>${name}</dt><dd>${text}</dd>`);
  }
});

Deno.test("the report of one run has both losses, the sample, matrices and the best evaluation", () => {
  const page = train.renderReport([runLog("a")]);
  for (const text of ["training sample", "Confusion", "0.5 at 750"]) {
    assertStringIncludes(page, text);
  }
  assertStringIncludes(page, "label 0, prediction 1: 1, 20.0 % of the row");
  const best = { monitor: "accuracy", mode: "max" } as const;
  assertStringIncludes(
    train.renderReport([runLog("a")], { best }),
    "0.9 at 1000",
  );
  assertStringIncludes(
    train.renderReport([runLog("a")], { classes: ["cat", "d<g"] }),
    "label cat, prediction d&lt;g: 1, 20.0 %",
  );
  assert(!page.includes("location.reload"));
});

Deno.test("of several runs the best one is marked, and the legend names all", () => {
  const names = Array.from({ length: 12 }, (_, i) => `run number ${i}`);
  const runs = names.map((name, i) => runLog(name, i === 7 ? 0.5 : 1 + i));
  const page = train.renderReport(runs);
  assertEquals(page.match(/class="best"/g)?.length, 1);
  assertStringIncludes(page, 'run number 7<span class="badge">best</span>');
  assertStringIncludes(page, "Confusion, run number 7");
  for (const name of names) {
    assertEquals(page.split(`${name}</button>`).length > 1, name !== names[7]);
  }
  assertStringIncludes(page, "run number 7 (best)</button>");
  // From the ninth line on, they are dashed.
  assertStringIncludes(page, "stroke-dasharray");
  const svg = train.lineChart({
    title: "t",
    series: names.map((name) => ({ name, points: [[0, 1], [1, 2]] })),
  });
  for (const name of names) assertStringIncludes(svg, `>${name}</text>`);
  const none = runs.map((run) => ({ ...run, evaluations: [] }));
  assert(!train.renderReport(none).includes('class="best"'));
});

Deno.test("what runs are ranked by must be a measure with a direction", () => {
  const render = (best: train.Monitor) => () =>
    train.renderReport([runLog("a")], { best });
  assertThrows(render({ monitor: "acuracy" }), RangeError, "best.monitor");
  assertThrows(render({ monitor: "accuracy" }), TypeError, "best.mode");
  assertThrows(
    render({ monitors: "loss" } as never),
    TypeError,
    'no option "best.monitors"',
  );
});

onEachBackend("the report names modules, command and versions", async () => {
  await inFolder(async (folder) => {
    const model = new nn.Sequential(
      new nn.Linear(1, 3),
      nn.relu,
      new nn.Linear(3, 1),
    );
    const file = `${folder}/report.html`;
    const pages: string[] = [];
    await train.fit({
      model,
      optimizer: new optim.SGD({ lr: 0.1 })
        .registerTrainableWeights(model.states(ParamState)),
      loss: (x) => tf.mean<tf.Scalar>(tf.square(model.call(x) as tf.Tensor)),
      data: numbers(),
      validation: numbers(),
      epochs: 2,
      callbacks: [train.report(file), {
        onStart: async () => void pages.push(await Deno.readTextFile(file)),
        onEpoch: async () => void pages.push(await Deno.readTextFile(file)),
      }],
    });
    const last = await Deno.readTextFile(file);
    // It loads itself again until the run has ended.
    assertEquals(pages.length, 3);
    for (const page of pages) assertStringIncludes(page, "location.reload()");
    assert(!last.includes("location.reload"));
    assertStringIncludes(pages[0]!, "under way");
    const row = (cells: string[]) =>
      `<tr><th>${cells[0]}</th><td>${cells[1]}</td><td>${
        cells[2]
      }</td><td class="number">${cells[3]}</td></tr>`;
    assertStringIncludes(last, row(["model", "Sequential", "[2, 1]", ""]));
    assertStringIncludes(last, row(["layers.0", "Linear", "[2, 3]", "6"]));
    assertStringIncludes(last, row(["layers.2", "Linear", "[2, 1]", "4"]));
    assertStringIncludes(last, '<td class="number">10</td>');
    assert(!Object.hasOwn(model, "update"), "the model is as before");
    for (
      const [name, value] of [
        ["tfjs", "4.22.0"],
        ["runtime", `Deno ${Deno.version.deno}`],
        ["backend", tf.getBackend()],
      ]
    ) assertStringIncludes(last, `<dt>${name}</dt><dd>${value}</dd>`);
    assertStringIncludes(last, "<dt>command</dt>");
    model.dispose();
  });
});

onEachBackend(
  "the page says that a run has ended even if an option throws",
  async () => {
    await inFolder(async (folder) => {
      const file = `${folder}/report.html`;
      const examples = () => Promise.reject(new Error("no examples"));
      await assertRejects(
        () =>
          train.fit({
            ...line(),
            steps: 2,
            callbacks: [train.report(file, { examples })],
          }),
        Error,
        "no examples",
      );
      const page = await Deno.readTextFile(file);
      assert(
        page.includes("<dd>done</dd>") && !page.includes("location.reload"),
      );
    });
  },
  only,
);

onEachBackend("the measure of a report must be one of the run", async () => {
  const best = { monitor: "accuracy" };
  await assertRejects(
    () =>
      train.fit({
        ...line(),
        validation: numbers(),
        steps: 1,
        callbacks: [train.report("never.html", { best })],
      }),
    RangeError,
    "Cannot use report: best.monitor must be one of loss",
  );
  assertThrows(
    () => train.report("never.html", { best: { monitors: "loss" } as never }),
    TypeError,
    'no option "best.monitors"',
  );
}, only);

onEachBackend(
  "the most wrong examples are those of the largest losses over all batches",
  async () => {
    const source = new random.RandomState(7);
    const values = Float32Array.from(source.words(40), (w) => w / 2 ** 31 - 1);
    const labels = Int32Array.from(source.words(20), (w) => w % 2);
    const data = train.batches([
      train.column(values, [2]),
      train.column(labels),
    ], {
      batchSize: 6,
    });
    // The two numbers of an example are the scores of its classes.
    const losses = Array.from({ length: 20 }, (_, i) => {
      const [a, b] = [values[2 * i]!, values[2 * i + 1]!];
      const own = labels[i] ? b : a;
      return Math.log(Math.exp(a) + Math.exp(b)) - own;
    });
    const order = losses.map((_, i) => i).sort((i, j) =>
      losses[j]! - losses[i]!
    );
    const before = tf.memory().numTensors;
    const predict = (x: tf.Tensor) => tf.clone(x);
    const found = await train.mostWrong(data, predict, { count: 5 });
    assertEquals(tf.memory().numTensors, before);
    assertEquals(
      found.map(({ values }) => values),
      order.slice(0, 5).map((i) => [...values.subarray(2 * i, 2 * i + 2)]),
    );
    for (const [k, { loss, target, prediction }] of found.entries()) {
      const i = order[k]!;
      assert(Math.abs(loss - losses[i]!) < 1e-6);
      assertEquals(target, [labels[i]!]);
      assertEquals(prediction, [...values.subarray(2 * i, 2 * i + 2)]);
    }
    const mine = await train.mostWrong(data, predict, {
      count: 1,
      loss: (p) => tf.max(p, 1),
      shape: [1, 2],
      text: (x) => `<${x.length}>`,
    });
    const highest = Math.fround(Math.max(...values));
    assertEquals(mine[0]!.loss, highest);
    assertEquals(mine[0]!.shape, [1, 2]);
    assertEquals(mine[0]!.text, "<2>");
    const page = train.renderReport([runLog("a")], { examples: mine });
    assertStringIncludes(page, "&lt;2&gt;");
    assertEquals((await train.mostWrong(data, predict)).length, 12);
    await assertRejects(
      () => train.mostWrong(data, predict, { shape: [3] }),
      RangeError,
      "shape must have 2 values",
    );
    await assertRejects(
      () => train.mostWrong(data, predict, { loss: (p) => tf.mean(p) }),
      RangeError,
      "losses must have shape [6]",
    );
  },
);

onEachBackend(
  "options of what is shown that are wrong are refused",
  async () => {
    const data = train.batches([
      train.column([1], [1]),
      train.column([1], [1]),
    ]);
    const predict = (x: tf.Tensor) => tf.clone(x);
    const show = () => Promise.resolve();
    const table: [
      call: () => unknown,
      error: typeof TypeError | typeof RangeError,
      message: string,
    ][] = [
      [() => train.mostWrong(data, 7 as never), TypeError, "predict"],
      [() => train.mostWrong(data, predict, { count: 0 }), RangeError, "count"],
      [
        () => train.mostWrong(data, predict, { loss: 7 as never }),
        TypeError,
        "loss",
      ],
      [
        () => train.mostWrong(data, predict, { text: "a" as never }),
        TypeError,
        "text",
      ],
      [
        () => train.mostWrong(data, predict, { shape: [0.5] }),
        RangeError,
        "shape",
      ],
      [
        () => train.report("a.html", { examples: [] as never }),
        TypeError,
        "examples",
      ],
      [
        () => train.report("a.html", { classes: "ab" as never }),
        TypeError,
        "classes",
      ],
      [
        () => train.renderReport([runLog("a")], { facts: { a: 1 } as never }),
        TypeError,
        "facts",
      ],
      [
        () => train.renderReport([runLog("a")], { modules: {} as never }),
        TypeError,
        "modules",
      ],
      [() => train.renderReport({} as never), TypeError, "runs must be a list"],
      [() => train.modulesOf(7 as never), TypeError, "model must be a module"],
      [
        () => train.modulesOf(new nn.Flatten(), 7 as never),
        TypeError,
        "call must be a function",
      ],
      [
        () => train.decisionBoundary(7 as never, new Float32Array(2), [0]),
        TypeError,
        "model must be a function",
      ],
      [
        () => train.decisionBoundary(predict, [1, 2] as never, [0]),
        TypeError,
        "points must be a Float32Array",
      ],
      [
        () => train.decisionBoundary(predict, new Float32Array(2), [0], 0),
        RangeError,
        "size must be a positive integer",
      ],
      [
        () => train.decisionBoundary(predict, new Float32Array(3), [0]),
        RangeError,
        "the number of coordinates must be 2, two for each label",
      ],
      [
        () => train.progressBar({ output: 7 as never }),
        TypeError,
        "output must be an object",
      ],
      [
        () => train.progressBar({ output: {} as never }),
        TypeError,
        "output.write must be a function",
      ],
      [
        () => train.notebookDisplay({ display: 7 as never }),
        TypeError,
        "display",
      ],
      [
        () => train.notebookDisplay({ display: show, interval: -1 }),
        RangeError,
        "interval",
      ],
    ];
    for (const [call, kind, name] of table) {
      const error = await assertRejects(async () => await call(), kind, name);
      assert(error.message.startsWith("Cannot "), error.message);
    }
  },
  only,
);

onEachBackend(
  "what a model returns may be its input, which stays",
  async () => {
    const x = tf.tensor2d([[1, 2], [3, 4]]), y = tf.zeros([2, 2]);
    const [worst] = await train.mostWrong(
      [[x, y] as const],
      (x: tf.Tensor) => x,
    );
    assertEquals(worst!.values, [3, 4]);
    assertEquals([...await x.data()], [1, 2, 3, 4]);
    tf.dispose([x, y]);
  },
  only,
);

onEachBackend(
  "a report changes nothing of a run that is compiled",
  async () => {
    await inFolder(async (folder) => {
      const run = async (callbacks: train.Callback[]) => {
        const { log, compiled } = await train.fit({
          ...line(),
          validation: numbers(),
          epochs: 4,
          compile: true,
          callbacks,
        });
        const { replayed } = compiled!;
        return { losses: log.steps.map(({ loss }) => loss), replayed };
      };
      const report = train.report(`${folder}/report.html`);
      assertEquals(await run([report]), await run([]));
      const page = await Deno.readTextFile(`${folder}/report.html`);
      assertStringIncludes(page, "<td>[2, 1]</td>");
    });
  },
  { only: ["wasm"] },
);

onEachBackend("an example whose loss is NaN comes first", async () => {
  const column = train.column(Float32Array.of(1, NaN, 3), [1]);
  const data = train.batches([column, column], { batchSize: 2 });
  const found = await train.mostWrong(data, (x: tf.Tensor) => tf.add(x, x));
  assertEquals(found.map(({ values }) => values[0]), [NaN, 3, 1]);
});

Deno.test("examples of an image are drawn, others are numbers", () => {
  assertEquals(imageShapeOf([28, 28]), [28, 28, 1]);
  assertEquals(imageShapeOf([8, 4, 3]), [8, 4, 3]);
  for (const shape of [[784], [3, 5], [8, 8, 2], [], [4, 4, 4, 4]]) {
    assertEquals(imageShapeOf(shape), undefined);
  }
  const example = { loss: 1, target: [1], prediction: [0.5, 0.25] };
  const page = train.renderReport([runLog("a")], {
    examples: [
      { ...example, shape: [4, 4], values: Array(16).fill(0.5) },
      { ...example, shape: [2], values: [0.125, 3] },
    ],
    classes: ["no", "yes"],
  });
  assertEquals(page.match(/data:image\/bmp;base64/g)?.length, 1);
  assertStringIncludes(page, "0.125, 3");
  assertStringIncludes(page, "label yes<br>predicted no<br>loss 1");
  const scores = (prediction: number[]) =>
    train.renderReport([runLog("a")], {
      examples: [{ ...example, prediction, shape: [1], values: [0] }],
    });
  assertStringIncludes(scores([0.5, NaN]), "label 1<br>predicted NaN<br>");
  const many = Array.from({ length: 200_000 }, (_, i) => i);
  assertStringIncludes(scores(many), "label 1<br>predicted 199999<br>");
});

Deno.test("a bitmap has the pixels from the top, blue first, and rows of whole words", () => {
  const bytes = (values: number[], channels: 1 | 3) =>
    Uint8Array.from(
      atob(bitmapAddress(values, [2, 1, channels]).split(",")[1]!),
      (c) => c.charCodeAt(0),
    ).subarray(54);
  assertEquals([...bytes([0, 1], 1)], [0, 0, 0, 0, 255, 255, 255, 0]);
  assertEquals([...bytes([0, 51, 255, 1, 2, 3], 3)], [
    255,
    51,
    0,
    0,
    3,
    2,
    1,
    0,
  ]);
  // Neither from 0 to 1 nor from 0 to 255: scaled.
  assertEquals([...bytes([-2, 2], 1)], [0, 0, 0, 0, 255, 255, 255, 0]);
});

/** The contrast of two colors `#rrggbb`, from 1 to 21, as WCAG 2 defines it. */
function contrast(a: readonly number[], b: readonly number[]): number {
  const light = (color: readonly number[]) => {
    const [r, g, b] = color.map((x) =>
      x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4
    );
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
  return (high! + 0.05) / (low! + 0.05);
}

Deno.test("text can be read in light and dark pages, on the fullest cell too", () => {
  const rgb = (hex: string) => {
    const digits = hex.length === 3
      ? [...hex].map((x) => x + x)
      : hex.match(/../g)!;
    return [...digits].map((x) => parseInt(x, 16) / 255);
  };
  const page = train.renderReport([runLog("a")]);
  const opacities = [
    ...page.matchAll(/fill="#(\w{6})" fill-opacity="([\d.]+)"/g),
  ];
  const [, fill, opacity] = opacities.reduce((a, b) => +b[2]! > +a[2]! ? b : a);
  const themes = [
    ...page.matchAll(
      /--paper: #(\w+); --ink: #(\w+); --dim: #(\w+);.*--lift: #(\w+)/g,
    ),
  ];
  assertEquals(themes.length, 2);
  for (const theme of themes) {
    const [paper, ink, dim, lift] = theme.slice(1).map(rgb);
    const cell = paper!.map((x, i) =>
      x * (1 - Number(opacity)) + rgb(fill!)[i]! * Number(opacity)
    );
    for (
      const [text, back] of [[ink, paper], [dim, paper], [ink, lift], [
        ink,
        cell,
      ]]
    ) {
      const ratio = contrast(text!, back!);
      assert(ratio >= 4.5, `${ratio}: ${text} on ${back}`);
    }
  }
});

/** Move, press or release the pointer over the first chart, at a share of its plot. */
function pointer(type: string, share: number): string {
  return `(() => {
    const svg = document.querySelector("figure.chart > svg");
    const box = svg.getBoundingClientRect();
    const x = box.left + (62 + ${share} * 474) / 560 * box.width;
    svg.dispatchEvent(new PointerEvent("${type}", {
      clientX: x, clientY: box.top + 80, pointerType: "mouse", bubbles: true,
    }));
  })()`;
}

Deno.test({
  name: "in a browser the pointer shows values, zooms, and hides lines",
  ignore: !chromium,
  sanitizeResources: false,
  sanitizeOps: false,
  fn: () =>
    inFolder(async (folder) => {
      const file = `${folder}/report.html`;
      await Deno.writeTextFile(file, train.renderReport([runLog("a")]));
      await using page = await Page.open(chromium!, `file://${file}`);
      await page.until("document.querySelectorAll('.tip').length > 3", 20);
      const tip = () =>
        page.evaluate("document.querySelector('.tip').innerText") as Promise<
          string
        >;
      await page.evaluate(pointer("pointermove", 0.75));
      assertEquals((await tip()).split("\n"), [
        "step 750",
        `training ${Number((10 ** -0.75).toPrecision(5))}`,
        "validation 0.5",
        "training sample 0.3",
      ]);
      const labels = () =>
        page.evaluate(
          "[...document.querySelectorAll('figure.chart .axes')[0].querySelectorAll('[text-anchor=middle]')].map((x) => Number(x.textContent))",
        ) as Promise<number[]>;
      assertEquals(await labels(), [0, 200, 400, 600, 800, 1000]);
      await page.evaluate(pointer("pointerdown", 0.4));
      await page.evaluate(pointer("pointermove", 0.6));
      await page.evaluate(pointer("pointerup", 0.6));
      const zoomed = await labels();
      assert(zoomed.length >= 4, `${zoomed}`);
      assert(zoomed.every((x) => x >= 400 && x <= 600), `${zoomed}`);
      await page.evaluate(pointer("pointermove", 0.5));
      assert((await tip()).startsWith("step 500\n"), await tip());
      // The line is where its value is: on the axis as it is now.
      const distance = await page.evaluate(`(() => {
        const line = document.querySelector("figure.chart .lines > g:nth-child(2) path");
        const point = line.getPointAtLength(0).matrixTransform(line.getScreenCTM());
        return [point.x, document.querySelector("figure.chart .cursor").getBoundingClientRect().x];
      })()`) as number[];
      assert(distance[0]! < distance[1]!);
      await page.evaluate(
        "document.querySelector('.legend button').click()",
      );
      await page.evaluate(pointer("pointermove", 0.5));
      assert(!(await tip()).includes("training 0."), await tip());
      // Both last when the page is loaded again.
      await page.evaluate("window.isOld = true; location.reload()");
      await page.until(
        "!window.isOld && document.querySelectorAll('.tip').length > 3",
        20,
      );
      assertEquals(await labels(), zoomed);
      assertEquals(
        await page.evaluate(
          "document.querySelector('.legend button').getAttribute('aria-pressed')",
        ),
        "false",
      );
      await page.evaluate(
        "document.querySelector('figure.chart > svg').dispatchEvent(new MouseEvent('dblclick'))",
      );
      assertEquals(await labels(), [0, 200, 400, 600, 800, 1000]);
    }),
});

Deno.test({
  name: "in a browser the page of a run that goes on loads itself again",
  ignore: !chromium,
  sanitizeResources: false,
  sanitizeOps: false,
  fn: () =>
    inFolder(async (folder) => {
      const file = `${folder}/report.html`;
      await useBackend("cpu");
      const callback = train.report(file);
      const run = { log: runLog("a", 1, false), model: undefined };
      await callback.onStart!(run as unknown as train.Run);
      await using page = await Page.open(chromium!, `file://${file}`);
      await page.until("document.body?.innerText.includes('under way')", 20);
      const log = runLog("a");
      await callback.onEnd!({ ...run, log } as unknown as train.Run);
      await page.until("document.body?.innerText.includes('done')", 20);
    }),
});
