import { assert, assertEquals, assertRejects } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import * as checkpoint from "../../checkpoint.ts";
import { RandomState } from "../../random.ts";
import { ParamState } from "../../state.ts";
import * as train from "../../train/mod.ts";
import { inFolder, namesIn } from "../_folder.ts";
import { line, numbers } from "./_setup.ts";

type Options = Record<string, unknown>;

/** Every public function and class with options, called with good ones and `extra`. */
const WITH_OPTIONS: Record<
  string,
  (extra: Options, folder: string) => unknown
> = {
  // data
  batches: (extra) => train.batches([[1, 2]], { batchSize: 1, ...extra }),
  Dataset: (extra) =>
    new train.Dataset([train.column([1, 2])]).split(1, { ...extra }),
  parseCsv: (extra) => train.parseCsv("a\n1\n", { header: true, ...extra }),
  readCsv: (extra, folder) => train.readCsv(`${folder}/a.csv`, extra),
  readText: (extra, folder) => train.readText(`${folder}/a.csv`, extra),
  readIdx: (extra, folder) => train.readIdx(`${folder}/a.idx`, extra),
  readIdxDirectory: (extra, folder) => train.readIdxDirectory(folder, extra),
  prefetch: (extra) => train.prefetch([1], { depth: 1, ...extra }),
  textWindows: (extra) =>
    train.textWindows(Int32Array.of(1, 2, 3), {
      batchSize: 1,
      context: 1,
      ...extra,
    }),
  TableEncoder: (extra) =>
    train.TableEncoder.fit(train.parseCsv("a\n1\n"), {
      inputs: ["a"],
      ...extra,
    }),
  randomHorizontalFlip: (extra) => train.randomHorizontalFlip(images(), extra),
  randomVerticalFlip: (extra) => train.randomVerticalFlip(images(), extra),
  randomCrop: (extra) => train.randomCrop(images(), extra),
  randomShift: (extra) => train.randomShift(images(), { max: 1, ...extra }),
  cutout: (extra) => train.cutout(images(), { size: 1, ...extra }),
  randomBrightness: (extra) =>
    train.randomBrightness(images(), { max: 0, ...extra }),
  mixup: (extra) => train.mixup(images(), images(), extra),
  cutmix: (extra) => train.cutmix(images(), images(), extra),
  decodeImage: (extra, folder) =>
    train.decodeImage(Deno.readFileSync(`${folder}/a.png`), extra),
  readImage: (extra, folder) => train.readImage(`${folder}/a.png`, extra),
  resizeImage: (extra) =>
    train.resizeImage({ data: Uint8Array.of(7), shape: [1, 1, 1] }, 2, extra),
  imageFolder: (extra, folder) =>
    train.imageFolder(`${folder}/images`, { size: 1, ...extra }),
  padSequences: (extra) => train.padSequences([[1]], { length: 2, ...extra }),
  bucketByLength: (extra) =>
    train.bucketByLength([[[1]]], { boundaries: [1], ...extra }),
  readNpy: (extra, folder) => train.readNpy(`${folder}/a.npy`, extra),
  // train
  fit: (extra) => train.fit({ ...line(), steps: 1, ...extra }),
  "fit: checkpoint": (extra, folder) =>
    train.fit({
      ...line(),
      steps: 1,
      checkpoint: { folder: `${folder}/c`, ...extra },
    }),
  "fit: checkpoint.best": (extra, folder) =>
    train.fit({
      ...line(),
      steps: 1,
      validation: numbers(),
      checkpoint: { folder: `${folder}/b`, best: { ...extra } },
    }),
  findLr: (extra) => train.findLr({ ...line(), steps: 5, ...extra }),
  evaluate: (extra) =>
    train.evaluate(numbers(), { loss: line().loss }, { limit: 1, ...extra }),
  step: (extra) => train.step(line().loss, line().optimizer, { ...extra }),
  earlyStopping: (extra) => train.earlyStopping({ patience: 1, ...extra }),
  ExponentialMovingAverage: (extra) =>
    new train.ExponentialMovingAverage({}, { decay: 0.9, ...extra }),
  StochasticWeightAverage: (extra) =>
    new train.StochasticWeightAverage({}, { start: 1, ...extra }),
  profileSteps: (extra) => train.profileSteps({ steps: 1, ...extra }),
  runFolder: (extra, folder) => train.runFolder(`${folder}/run`, extra),
  progressBar: (extra) => train.progressBar({ interval: 1, ...extra }),
  notebookDisplay: (extra) =>
    train.notebookDisplay({ display: () => Promise.resolve(), ...extra }),
  tensorBoard: (extra) =>
    train.tensorBoard("events", { histogramEvery: 1, ...extra }),
  mostWrong: (extra) =>
    train.mostWrong(
      train.batches([train.column([1], [1]), train.column([2], [1])]),
      (x: tf.Tensor) => tf.clone(x),
      { count: 1, ...extra },
    ),
  lineChart: (extra) => train.lineChart({ title: "t", series: [], ...extra }),
  report: (extra) => train.report("report.html", { title: "t", ...extra }),
  renderReport: (extra) =>
    train.renderReport(
      [{ name: "a", config: {}, steps: [], evaluations: [] }],
      { title: "t", ...extra },
    ),
  // checkpoint
  encodeCheckpoint: (extra) =>
    checkpoint.encodeCheckpoint({ a: 1 }, { metric: 1, ...extra }),
  decodeCheckpoint: async (extra) =>
    checkpoint.decodeCheckpoint(
      await checkpoint.encodeCheckpoint({ a: 1 }),
      { a: 0 },
      { strict: true, ...extra },
    ),
  saveCheckpoint: (extra, folder) =>
    checkpoint.saveCheckpoint(`${folder}/new-1`, { a: 1 }, extra),
  loadCheckpoint: (extra, folder) =>
    checkpoint.loadCheckpoint(`${folder}/a.ckpt`, { a: 0 }, extra),
  latestCheckpoint: (extra, folder) =>
    checkpoint.latestCheckpoint(folder, extra),
  bestCheckpoint: (extra, folder) =>
    checkpoint.bestCheckpoint(folder, { mode: "min", ...extra }),
  encodeSafetensors: (extra) =>
    checkpoint.encodeSafetensors(states(), { metadata: {}, ...extra }),
  decodeSafetensors: async (extra) =>
    checkpoint.decodeSafetensors(
      await checkpoint.encodeSafetensors(states()),
      states(),
      extra,
    ),
  saveSafetensors: (extra, folder) =>
    checkpoint.saveSafetensors(`${folder}/new.safetensors`, states(), extra),
  loadSafetensors: (extra, folder) =>
    checkpoint.loadSafetensors(`${folder}/a.safetensors`, states(), extra),
  joined: (extra) => checkpoint.joined(["a", "b"], { axis: 0, ...extra }),
};

/** Functions and classes without options. */
const WITHOUT_OPTIONS = [
  "Batches", // made by batches()
  "CheckpointError",
  "EventWriter",
  "ImageBatches", // made by ImageFolder
  "ImageFolder", // made by imageFolder()
  "LossScale",
  "Stored", // its methods' options are tested with safetensors
  "Vocabulary",
  "WeightAverage",
  "boundaryChart",
  "column",
  "csvLog",
  "csvNumbers",
  "decisionBoundary",
  "decodeIdx",
  "decodeNpy",
  "decodeNpz",
  "encodeNpy",
  "encodeNpz",
  "formatLogLine",
  "histogram",
  "jsonLines",
  "listSafetensors",
  "lrChart",
  "measure",
  "metric",
  "modulesOf",
  "parseRunLog",
  "readNpz",
  "readRunLog",
  "stored",
  "summed",
  "verifyCheckpoint",
];

function images() {
  return tf.ones<tf.Rank.R3>([1, 2, 2]);
}

function states() {
  return { w: new ParamState(tf.tensor1d([1])) };
}

/** A folder with a file of each kind. */
async function fill(folder: string) {
  await Deno.writeTextFile(`${folder}/a.csv`, "a\n1\n");
  const array = { shape: [1], data: Uint8Array.of(7) };
  await Deno.writeFile(`${folder}/a.npy`, train.encodeNpy(array));
  await Deno.writeFile(`${folder}/a.npz`, train.encodeNpz({ array }));
  const images = new URL("../golden/images/", import.meta.url);
  await Deno.copyFile(new URL("rgb.png", images), `${folder}/a.png`);
  await Deno.mkdir(`${folder}/images/a`, { recursive: true });
  await Deno.copyFile(`${folder}/a.png`, `${folder}/images/a/b.png`);
  const idx = (...bytes: number[]) => Uint8Array.of(0, 0, 8, ...bytes);
  await Deno.writeFile(`${folder}/a.idx`, idx(1, 0, 0, 0, 1, 7));
  for (const part of ["train", "t10k"]) {
    await Deno.writeFile(
      `${folder}/${part}-images-idx3-ubyte`,
      idx(3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7),
    );
    await Deno.writeFile(
      `${folder}/${part}-labels-idx1-ubyte`,
      idx(1, 0, 0, 0, 1, 7),
    );
  }
  await checkpoint.saveCheckpoint(`${folder}/a.ckpt`, { a: 1 });
  await checkpoint.saveSafetensors(`${folder}/a.safetensors`, states());
}

Deno.test("every function of train, data and checkpoint is in the tables", () => {
  const names = Object.entries({ ...train, ...checkpoint })
    .filter(([, value]) => typeof value === "function").map(([name]) => name);
  const listed = Object.keys(WITH_OPTIONS).filter((name) =>
    !name.includes(":")
  );
  assertEquals(names.sort(), [...listed, ...WITHOUT_OPTIONS].sort());
});

for (const [name, call] of Object.entries(WITH_OPTIONS)) {
  Deno.test(`an unknown option of ${name} is refused, and nothing happens`, async () => {
    await useBackend("cpu");
    await inFolder(async (folder) => {
      await fill(folder);
      // What a user may have in mind; none is an option of anything here.
      for (
        const option of ["nope", "validationData", "constructor", "n_epochs"]
      ) {
        const before = namesIn(folder);
        const error = await assertRejects(
          async () => await call({ [option]: 1 }, folder),
          TypeError,
          `${option}"`,
        );
        assert(error.message.startsWith("Cannot "), error.message);
        assert(error.message.includes("there is no option"), error.message);
        assertEquals(namesIn(folder), before);
      }
      // Without it, all is well; undefined counts as left out.
      await call({}, folder);
    });
  });
}

Deno.test("an unknown option of fit() is reported with the nearest known one", async () => {
  await useBackend("cpu");
  const table: [option: string, nearest: string][] = [
    ["validationData", "validation"],
    ["clipNorm", "gradClipNorm"],
    ["clipValue", "gradClipValue"],
    ["log_every", "logEvery"],
    ["maxSteps", "steps"],
    ["valid", "validation"],
    ["epoch", "epochs"],
    ["checkpoints", "checkpoint"],
    ["callback", "callbacks"],
  ];
  for (const [option, nearest] of table) {
    await assertRejects(
      () => train.fit({ ...line(), steps: 1, [option]: 1 }),
      TypeError,
      `Cannot fit: there is no option "${option}": did you mean "${nearest}"?`,
    );
  }
});

/** Values of fit's options that are out of range or of the wrong kind. */
const BAD_VALUES: [Options, error: typeof TypeError | typeof RangeError][] = [
  [{ optimizer: {} }, TypeError],
  [{ optimizer: undefined }, Error as typeof TypeError],
  [{ loss: 7 }, TypeError],
  [{ loss: undefined }, Error as typeof TypeError],
  [{ data: undefined }, Error as typeof TypeError],
  [{ validation: 7 }, TypeError],
  [{ trainingSample: 7, validation: [] }, TypeError],
  [{ metrics: { a: 7 } }, TypeError],
  [{ metrics: [] }, TypeError],
  [{ metrics: { loss: () => tf.scalar(1) }, validation: [] }, RangeError],
  [{ model: {} }, TypeError],
  [{ epochs: 0 }, RangeError],
  [{ epochs: 1.5 }, RangeError],
  [{ epochs: "3" }, TypeError],
  [{ epochs: NaN }, RangeError],
  [{ steps: -1 }, RangeError],
  [{ steps: Infinity }, RangeError],
  [{ timeLimit: 0 }, RangeError],
  [{ timeLimit: NaN }, RangeError],
  [{ timeLimit: "1" }, TypeError],
  [{ signal: {} }, TypeError],
  [{ accumulate: 0 }, RangeError],
  [{ gradClipNorm: -1 }, RangeError],
  [{ gradClipNorm: NaN }, RangeError],
  [{ gradClipValue: 0 }, RangeError],
  [{ schedule: "batch" }, RangeError],
  [{ monitor: 7 }, TypeError],
  [{ average: {} }, TypeError],
  [{ evaluateEvery: 0.5 }, RangeError],
  [{ logEvery: 0 }, RangeError],
  [{ callbacks: {} }, TypeError],
  [{ callbacks: [7] }, TypeError],
  [{ callbacks: [{ onEpochEnd() {} }] }, TypeError],
  [{ nan: "warn" }, RangeError],
  [{ checkpoint: "folder" }, TypeError],
  [{ checkpoint: {} }, TypeError],
  [{ checkpoint: { folder: "" } }, TypeError],
  [{ checkpoint: { folder: "a", every: 0 } }, RangeError],
  [{ checkpoint: { folder: "a", keepLast: 0 } }, RangeError],
  [{ checkpoint: { folder: "a", best: true } }, TypeError],
  [{ checkpoint: { folder: "a", restoreBest: 1 } }, TypeError],
  [{ checkpoint: { folder: "a", restoreBest: true } }, TypeError],
  [{ resume: "yes" }, TypeError],
  [{ resume: true }, TypeError],
  [{ random: { a: 7 } }, TypeError],
  [{ random: { model: new RandomState(1) } }, RangeError],
  [{ random: { data: new RandomState(1) } }, RangeError],
  [{ fastDevRun: 0.5 }, RangeError],
  [{ overfitBatches: 0 }, RangeError],
  [{ name: 7 }, TypeError],
  [{ config: { a: {} } }, TypeError],
];

Deno.test("fit() refuses bad values of every option before anything changes", async () => {
  await useBackend("cpu");
  for (const [bad, ErrorClass] of BAD_VALUES) {
    const options = line();
    const error = await assertRejects(
      () => train.fit({ ...options, steps: 1, ...bad } as never),
      ErrorClass,
      undefined,
      Deno.inspect(bad),
    );
    assert(error.message.startsWith("Cannot fit: "), error.message);
    const [name] = Object.keys(bad);
    const isNamed = error.message.includes(name!.slice(0, 6));
    assert(isNamed, `${name}: ${error.message}`);
    assertEquals(options.optimizer.stepCount, 0);
  }
});

/** Calls with a file or folder, which reading ones find filled. */
const PATHS: Record<
  string,
  (at: (name: string) => string | URL) => Promise<unknown>
> = {
  jsonLines: (at) =>
    train.fit({
      ...line(),
      steps: 1,
      callbacks: [train.jsonLines(at("deep/log.jsonl"))],
    }),
  csvLog: (at) =>
    train.fit({
      ...line(),
      steps: 1,
      callbacks: [train.csvLog(at("deep/log.csv"))],
    }),
  report: (at) =>
    train.fit({
      ...line(),
      steps: 1,
      callbacks: [train.report(at("deep/report.html"))],
    }),
  tensorBoard: (at) =>
    train.fit({
      ...line(),
      steps: 1,
      callbacks: [train.tensorBoard(at("deep/events"))],
    }),
  EventWriter: async (at) => (await train.EventWriter.create(at("e"))).close(),
  "fit: checkpoint.folder": (at) =>
    train.fit({ ...line(), steps: 1, checkpoint: { folder: at("deep/c") } }),
  "fit: resume": async (at) => {
    const checkpoint = { folder: at("deep/r") };
    await train.fit({ ...line(), steps: 1, checkpoint });
    const { step } = await train.fit({
      ...line(),
      steps: 2,
      checkpoint,
      resume: true,
    });
    assertEquals(step, 2);
  },
  runFolder: (at) => train.runFolder(at("deep/run")),
  readText: (at) => train.readText(at("a.csv")),
  readCsv: (at) => train.readCsv(at("a.csv")),
  readNpy: (at) => train.readNpy(at("a.npy")),
  readNpz: (at) => train.readNpz(at("a.npz")),
  readImage: (at) => train.readImage(at("a.png")),
  imageFolder: (at) => train.imageFolder(at("images"), { size: 1 }),
  readIdx: (at) => train.readIdx(at("a.idx")),
  readIdxDirectory: (at) => train.readIdxDirectory(at(".")),
  readRunLog: async (at) => {
    await train.fit({
      ...line(),
      steps: 1,
      callbacks: [train.jsonLines(at("log.jsonl"))],
    });
    assertEquals((await train.readRunLog(at("log.jsonl"))).steps.length, 1);
  },
  saveCheckpoint: (at) => checkpoint.saveCheckpoint(at("deep/b"), { a: 1 }),
  loadCheckpoint: (at) => checkpoint.loadCheckpoint(at("a.ckpt"), { a: 0 }),
  verifyCheckpoint: (at) => checkpoint.verifyCheckpoint(at("a.ckpt")),
  latestCheckpoint: async (at) =>
    assert(await checkpoint.latestCheckpoint(at("."))),
  bestCheckpoint: (at) => checkpoint.bestCheckpoint(at(".")),
  saveSafetensors: (at) => checkpoint.saveSafetensors(at("deep/s"), states()),
  loadSafetensors: (at) =>
    checkpoint.loadSafetensors(at("a.safetensors"), states()),
  listSafetensors: (at) => checkpoint.listSafetensors(at("a.safetensors")),
};

for (const [name, call] of Object.entries(PATHS)) {
  Deno.test(`${name} takes a path, a URL and a "file:" string`, async () => {
    await useBackend("cpu");
    await inFolder(async (folder) => {
      const parts: string[][] = [];
      for (const form of ["path", "url", "href"] as const) {
        const own = `${folder}/100% of ${form} #1`;
        await Deno.mkdir(own);
        await fill(own);
        const base = new URL("file:///");
        base.pathname = encodeURI(`${own}/`).replaceAll("#", "%23");
        await call((file) => {
          const url = new URL(file, base);
          if (form === "url") return url;
          return form === "href" ? url.href : `${own}/${file}`;
        });
        parts.push(namesIn(own).filter((name) => !name.startsWith("events")));
      }
      // The same files come out of each.
      assertEquals(parts[1], parts[0]);
      assertEquals(parts[2], parts[0]);
      assertEquals(namesIn(folder).length, 3);
    });
  });

  Deno.test(`${name} refuses what is no path`, async () => {
    await useBackend("cpu");
    for (
      const bad of [
        new URL("https://example.com/a"),
        "",
        7,
        null,
        "file://elsewhere/a",
      ]
    ) {
      const error = await assertRejects(
        async () => await call(() => bad as string),
        Error,
        undefined,
        Deno.inspect(bad),
      );
      assert(/^Cannot .* must be a path/.test(error.message), error.message);
    }
  });
}
