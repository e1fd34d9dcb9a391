/**
 * Trains on a table in Apache Parquet, read with `hyparquet` of npm.
 *
 * ```sh
 * deno run --allow-read --allow-write --allow-env examples/parquet.ts
 * ```
 *
 * The file is written first, with `hyparquet-writer`: measures of 600 flowers, made up.
 *
 * @module
 */
import {
  data,
  nn,
  optim,
  ParamState,
  random,
  train,
  useBackend,
} from "@braintape/braintape";
import { parquetReadObjects } from "npm:hyparquet@1.33.0";
import { parquetWriteBuffer } from "npm:hyparquet-writer@0.17.0";

const SPECIES = ["setosa", "versicolor", "virginica"];

/** A file of flowers; some have no width. */
function flowers(count: number): ArrayBuffer {
  const kinds = random.choice(3, { size: count, replace: true });
  const noise = random.choice(1000, { size: 2 * count, replace: true });
  const lengths = Array.from(kinds, (k, i) => 2 * k + noise[2 * i]! / 400);
  const widths = Array.from(
    kinds,
    (k, i) => i % 20 === 0 ? null : k + noise[2 * i + 1]! / 500,
  );
  return parquetWriteBuffer({
    columnData: [
      { name: "length", data: lengths, type: "DOUBLE" },
      { name: "width", data: widths, type: "DOUBLE" },
      {
        name: "species",
        data: Array.from(kinds, (k) => SPECIES[k]!),
        type: "STRING",
      },
    ],
  });
}

/** The rows of a file as a table of text, as `readCsv` returns one. */
async function readParquet(file: ArrayBuffer): Promise<data.CsvTable> {
  const rows = await parquetReadObjects({ file });
  const columns = Object.keys(rows[0] ?? {});
  return {
    columns,
    rows: rows.map((row) => columns.map((name) => String(row[name] ?? ""))),
  };
}

await useBackend("wasm");
random.seed(1);
const path = await Deno.makeTempFile({ suffix: ".parquet" });
await Deno.writeFile(path, new Uint8Array(flowers(600)));

const table = await readParquet((await Deno.readFile(path)).buffer);
await Deno.remove(path);
const encoder = data.TableEncoder.fit(table, {
  target: "species",
  categories: { species: "index" },
  onMissing: "mean",
  standardize: true,
});
const [learn, test] = encoder.apply(table).split(500);
console.log(`${learn.length} flowers of ${encoder.features.join(" and ")}`);

const model = new nn.Sequential(
  new nn.Linear(2, 16),
  nn.relu,
  new nn.Linear(16, 3),
);
const { values } = await train.fit({
  model,
  optimizer: new optim.Adam({ lr: 0.02 })
    .registerTrainableWeights(model.states(ParamState)),
  loss: (x, y) =>
    nn.softmaxCrossEntropy(model.call(x), y, { reduction: "mean" }),
  data: data.batches(learn, { batchSize: 50, shuffle: true }),
  validation: data.batches(test, { batchSize: 100 }),
  metrics: { accuracy: new nn.AccuracyMetric() },
  epochs: 15,
});
console.log(`accuracy ${values["accuracy"]?.toFixed(2)}`);
