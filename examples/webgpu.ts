/**
 * Training in a web page, on WebGPU if the browser has it, with a live chart of the
 * loss.
 *
 * ```sh
 * deno task web
 * ```
 *
 * bundles this file for the browser and serves it with webgpu.html. The address
 * may set the form and start: `/?backend=wasm&steps=300`.
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
import { spirals } from "./spirals.ts";

/** Milliseconds between two drawings: each redraws a whole chart. */
const REDRAW = 250;

const form = document.querySelector<HTMLFormElement>("#form")!;
const button = form.querySelector("button")!;
let running: AbortController | undefined;

/** The settings in the form. */
function settings() {
  const data = new FormData(form);
  const backend = data.get("backend") as "auto" | "webgpu" | "wasm" | "cpu";
  const optimizer = data.get("optimizer") as
    | "AdamW"
    | "Lion"
    | "RMSprop"
    | "SGD";
  return {
    backend,
    optimizer,
    lr: Number(data.get("lr")),
    steps: Number(data.get("steps")),
  };
}

function show(id: string, html: string): void {
  document.querySelector(`#${id}`)!.innerHTML = html;
}

async function run(signal: AbortSignal): Promise<void> {
  const { backend, optimizer: name, lr, steps } = settings();
  const info = await useBackend(backend);
  random.seed(1);
  const model = new nn.Sequential(
    new nn.Linear(2, 64),
    nn.relu,
    new nn.Linear(64, 64),
    nn.relu,
    new nn.Linear(64, 3),
  );
  const scores = (x: tf.Tensor2D) => model.call(x) as tf.Tensor2D;
  using optimizer = new optim[name]({ lr })
    .registerTrainableWeights(model.states(ParamState));
  const [learn, test] = spirals().split(0.8, {
    random: new random.RandomState(1),
  });
  const [points, labels] = test.columns;
  const draw = async () =>
    show(
      "boundary",
      train.boundaryChart(
        await train.decisionBoundary(
          scores,
          points.data as Float32Array,
          labels.data,
          80,
        ),
      ),
    );

  const where = `${info.backend}${
    info.threads > 1 ? `, ${info.threads} threads` : ""
  }`;
  let drawn = 0;
  const live: train.Callback = {
    async onLog({ log, step }, { loss, rate }) {
      // For whoever looks at the page from outside, as the test does.
      Object.assign(document.body.dataset, { step, loss });
      if (performance.now() - drawn < REDRAW && step < steps) return;
      show(
        "status",
        `${where}: step ${step} of ${steps}, ${
          rate.toFixed(0)
        } steps a second, loss ${loss.toFixed(4)}`,
      );
      const line = log.steps.map(({ step, loss }) => [step, loss] as const);
      show(
        "loss",
        train.lineChart({
          title: "Loss",
          series: [{ name: "loss", points: line, smooth: true }],
        }),
      );
      await draw();
      drawn = performance.now();
    },
  };
  const { values, reason } = await train.fit({
    optimizer,
    loss: (x, y) => nn.softmaxCrossEntropy(scores(x), y, { reduction: "mean" }),
    data: train.batches(learn, { batchSize: 60, shuffle: true }),
    validation: train.batches(test, { batchSize: 300 }),
    evaluateEvery: steps,
    metrics: {
      accuracy: (x, y) =>
        tf.mean<tf.Scalar>(
          tf.cast(tf.equal(tf.argMax(scores(x), 1), y), "float32"),
        ),
    },
    steps,
    signal,
    callbacks: [live],
  });
  await draw();
  show(
    "status",
    `${where}: ${reason}; test accuracy ${values.accuracy!.toFixed(3)}`,
  );
  Object.assign(document.body.dataset, {
    backend: info.backend,
    accuracy: values.accuracy,
  });
  model.dispose();
}

async function start(): Promise<void> {
  const mine = running = new AbortController();
  button.textContent = "Stop";
  document.body.dataset.state = "running";
  try {
    await run(mine.signal);
    document.body.dataset.state = "done";
  } catch (error) {
    const text = document.createElement("span");
    text.className = "error";
    text.textContent = (error as Error).message;
    show("status", text.outerHTML);
    document.body.dataset.state = "failed";
    console.error(error);
  }
  running = undefined;
  button.textContent = "Train";
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (running) running.abort();
  else void start();
});

// What the address says goes into the form.
const query = new URLSearchParams(location.search);
for (const [name, value] of query) {
  const field = form.elements.namedItem(name);
  if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) {
    field.value = value;
  }
}
if (query.size > 0) void start();
