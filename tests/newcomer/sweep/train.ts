/** A sweep over two settings, and a report that compares the runs. */
import {
  data,
  nn,
  optim,
  ParamState,
  random,
  train,
  useBackend,
} from "@braintape/braintape";

await useBackend();
random.seed(1);
const points = await random.uniform([1000, 2], { min: -1, max: 1 }).data();
const labels = Int32Array.from({ length: 1000 }, (_, i) => {
  const [x, y] = points.subarray(2 * i);
  return +(Math.sin(3 * x!) * Math.cos(3 * y!) > 0);
});
const [learn, test] = new data.Dataset([
  data.column(points, [2]),
  data.column(labels),
]).split(0.8);

const logs: train.RunLog[] = [];
for (const width of [4, 32]) {
  for (const lr of [0.001, 0.03]) {
    random.seed(1);
    const name = `width-${width}-lr-${lr}`;
    using model = new nn.Sequential(
      new nn.Linear(2, width),
      nn.tanh,
      new nn.Linear(width, width),
      nn.tanh,
      new nn.Linear(width, 2),
    );
    using optimizer = new optim.AdamW({ lr })
      .registerTrainableWeights(model.states(ParamState));
    const { log } = await train.fit({
      name,
      config: { width, lr },
      model,
      optimizer,
      loss: (x, y) =>
        nn.softmaxCrossEntropy(model.call(x), y, { reduction: "mean" }),
      data: data.batches(learn, { batchSize: 32, shuffle: true }),
      validation: data.batches(test, { batchSize: 200 }),
      metrics: {
        accuracy: new nn.AccuracyMetric(),
        confusion: new nn.ConfusionMatrix(2),
      },
      epochs: 8,
      callbacks: [train.jsonLines(`runs/${name}.jsonl`)],
    });
    logs.push(log);
    const accuracies = log.evaluations.map(({ values }) => values.accuracy!);
    console.log(`${name} ${Math.max(...accuracies)}`);
  }
}
const report = train.renderReport(logs, {
  title: "Width and rate",
  best: { monitor: "accuracy", mode: "max" },
  classes: ["outside", "inside"],
});
await Deno.writeTextFile("report.html", report);
