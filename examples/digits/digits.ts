/**
 * A page that learns to read handwritten digits and then reads those that one draws,
 * on WebGPU if the browser has it.
 *
 * ```sh
 * deno task web
 * ```
 *
 * bundles this file and serves it with index.html and the digits. The address may set
 * the form and start: `/?backend=wasm&epochs=1`.
 */
/// <reference lib="dom" />
import {
  nn,
  optim,
  ParamState,
  random,
  tf,
  train,
  useBackend,
} from "@braintape/braintape";
import {
  type Digits,
  fetchDigits,
  type Network,
  NETWORKS,
  pixelsOf,
} from "./model.ts";
import { Pad, SIZE } from "./pad.ts";
import { drawDigit, element, say, showBars, showDigits } from "./view.ts";

/** Milliseconds of training between two looks at the page. */
const PAUSE_EVERY = 100;
const EXAMPLES = 10;
const BACKENDS = ["auto", "webgpu", "wasm", "cpu"] as const;

const form = element<HTMLFormElement>("form");
const button = element<HTMLButtonElement>("train");
const answer = element("answer");
const seen = element<HTMLCanvasElement>("seen");
const pad = new Pad(element<HTMLCanvasElement>("pad"), () => void read());
element("clear").addEventListener("click", () => {
  pad.clear();
  drawDigit(seen, new Float32Array(SIZE * SIZE));
  showBars(null);
  answer.textContent = "";
});

let model: Network | undefined;
let running: AbortController | undefined;
let isReading = false, isAsked = false;

/** Read what is drawn, with the network as it is by now; once more if asked meanwhile. */
async function read(): Promise<void> {
  isAsked = true;
  if (isReading) return;
  isReading = true;
  try {
    while (isAsked) {
      isAsked = false;
      await readOnce();
    }
  } finally {
    isReading = false;
  }
}

async function readOnce(): Promise<void> {
  const pixels = pad.image();
  if (!pixels) return;
  drawDigit(seen, pixels);
  if (!model) {
    answer.textContent = "It has not learned to read yet: press Train.";
    return;
  }
  const chances = tf.tidy(() =>
    nn.softmax(model!.predict(tf.tensor4d(pixels, [1, SIZE, SIZE, 1])))
  );
  const values = await chances.data();
  chances.dispose();
  if (!pad.image()) return; // wiped meanwhile
  showBars(values);
  const best = values.indexOf(Math.max(...values));
  answer.textContent = `This is a ${best}, it says, with a chance of ${
    Math.round(100 * values[best]!)
  } %.`;
}

/** Show digits that the network reads wrongly. */
async function showMistakes(test: Digits): Promise<void> {
  const [images, labels] = test.columns;
  const read = tf.tidy(() =>
    tf.argMax(
      model!.predict(
        tf.tensor4d(images.data as Float32Array, [
          test.length,
          SIZE,
          SIZE,
          1,
        ]),
      ),
      1,
    )
  );
  const classes = await read.data();
  read.dispose();
  const wrong = Array.from(labels.data.keys())
    .filter((i) => labels.data[i] !== classes[i]).slice(0, EXAMPLES);
  element("caption").textContent = wrong.length > 0
    ? "It still misreads these:"
    : "It reads all test digits.";
  showDigits(
    "examples",
    wrong.map((
      i,
    ) => [pixelsOf(test, i), `${labels.data[i]}, not ${classes[i]}`]),
  );
}

async function learn(
  signal: AbortSignal,
  digits: Digits,
  test: Digits,
): Promise<void> {
  const given = new FormData(form);
  const backend = BACKENDS.find((name) => name === given.get("backend"))!;
  const epochs = Number(given.get("epochs"));
  const info = await useBackend(backend);
  const where = `${info.backend}${
    info.threads > 1 ? `, ${info.threads} threads` : ""
  }`;
  model?.dispose();
  random.seed(1);
  const learning = model = NETWORKS[`${given.get("network")}`]!();
  const optimizer = new optim.AdamW({ lr: 0.003, weightDecay: 0.01 })
    .registerTrainableWeights(learning.states(ParamState));
  const steps = epochs * Math.ceil(digits.length / 32);
  let paused = performance.now();
  const live: train.Callback = {
    async onLog({ log, step }, { loss, rate }) {
      // For whoever looks at the page from outside, as the test does.
      Object.assign(document.body.dataset, { step, loss });
      if (performance.now() - paused < PAUSE_EVERY && step < steps) return;
      say(
        `${where}: step ${step} of ${steps}, ${
          rate.toFixed(0)
        } a second, loss ${loss.toFixed(3)}`,
      );
      const points = log.steps.map(({ step, loss }) => [step, loss] as const);
      element("loss").innerHTML = train.lineChart({
        title: "Loss",
        series: [{ name: "loss", points, smooth: true }],
      });
      // A step does not let the page answer: what is drawn is read here.
      await read();
      await new Promise((resolve) => setTimeout(resolve, 0));
      paused = performance.now();
    },
  };
  const { reason } = await train.fit({
    model: learning,
    optimizer,
    loss: (x, y) =>
      nn.softmaxCrossEntropy(learning.call(x), y, { reduction: "mean" }),
    data: train.batches(digits, { batchSize: 32, shuffle: true }),
    epochs,
    compile: info.backend !== "cpu",
    signal,
    callbacks: [live],
  });
  optimizer.dispose();
  const { accuracy } = await train.evaluate(
    train.batches(test, { batchSize: 250 }),
    {
      accuracy: (x, y) =>
        tf.mean<tf.Scalar>(
          tf.cast(tf.equal(tf.argMax(learning.call(x), 1), y), "float32"),
        ),
    },
  );
  const how = reason === "aborted" ? "Stopped" : "Done";
  say(
    `${how} on ${where}: it reads ${
      (100 * accuracy).toFixed(1)
    } % of ${test.length} digits that it has not seen. Now draw one.`,
  );
  Object.assign(document.body.dataset, { backend: info.backend, accuracy });
  await showMistakes(test);
  await read();
}

async function start(digits: Digits, test: Digits): Promise<void> {
  const mine = running = new AbortController();
  button.textContent = "Stop";
  document.body.dataset.state = "running";
  try {
    await learn(mine.signal, digits, test);
    document.body.dataset.state = "done";
  } catch (error) {
    say((error as Error).message, true);
    document.body.dataset.state = "failed";
    console.error(error);
  }
  running = undefined;
  button.textContent = "Train again";
}

showBars(null);
const query = new URLSearchParams(location.search);
for (const [name, value] of query) {
  const field = form.elements.namedItem(name);
  if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) {
    field.value = value;
  }
}
try {
  const [digits, test] = await Promise.all([
    fetchDigits("train"),
    fetchDigits("test"),
  ]);
  const [, labels] = digits.columns;
  element("caption").textContent =
    `${digits.length} digits like these are what it learns from:`;
  showDigits(
    "examples",
    Array.from({ length: EXAMPLES }, (_, i) => [
      pixelsOf(digits, i),
      `${labels.data[i]}`,
    ]),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (running) running.abort();
    else void start(digits, test);
  });
  button.disabled = false;
  document.body.dataset.state = "ready";
  if (query.size > 0) void start(digits, test);
} catch (error) {
  say((error as Error).message, true);
}
