import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { formatCsv } from "../../train/logs/csv_log.ts";
import { formatDuration, formatNumber } from "../../train/format.ts";
import { renderReport } from "../../train/report/page.ts";
import { formatLogLine, parseRunLog } from "../../train/logs/log_lines.ts";
import type { RunLog, StepRecord } from "../../train/logs/run_log.ts";
import { lineChart } from "../../train/report/svg.ts";
import { histogram } from "../../train/logs/tensorboard.ts";
import { crc32c, frameRecord } from "../../train/logs/tfrecord.ts";
import {
  doublesField,
  int64Field,
  stringField,
} from "../../internal/protobuf.ts";

const STEP: StepRecord = {
  step: 10,
  epoch: 0.5,
  time: 1,
  loss: 0.25,
  lr: 1e-3,
  rate: 9,
};
const LOG: RunLog = {
  name: 'a <"run">',
  config: { seed: 1, backend: "wasm" },
  steps: [STEP, { ...STEP, step: 20, loss: NaN, gradNorm: Infinity }],
  evaluations: [{
    step: 20,
    epoch: 1,
    time: 2,
    values: { loss: 0.3, accuracy: 0.9 },
  }],
  end: { step: 20, time: 2, reason: "NaN" },
};

Deno.test("crc32c() gives the numbers of RFC 3720", () => {
  const bytes = (fn: (i: number) => number) =>
    Uint8Array.from({ length: 32 }, (_, i) => fn(i));
  assertEquals(crc32c(bytes(() => 0)), 0x8a9136aa);
  assertEquals(crc32c(bytes(() => 0xff)), 0x62a8ab43);
  assertEquals(crc32c(bytes((i) => i)), 0x46dd794e);
  assertEquals(crc32c(bytes((i) => 31 - i)), 0x113fdb5c);
});

Deno.test("frameRecord() frames as TensorFlow's record_writer does", () => {
  // tf.io.TFRecordWriter of b"abc"; the checksums from the definition
  const record = frameRecord(new TextEncoder().encode("abc"));
  assertEquals([...record.subarray(0, 8)], [3, 0, 0, 0, 0, 0, 0, 0]);
  assertEquals(record.length, 19);
  const mask = (crc: number) => ((crc >>> 15 | crc << 17) + 0xa282ead8) >>> 0;
  const view = new DataView(record.buffer);
  assertEquals(view.getUint32(8, true), mask(crc32c(record.subarray(0, 8))));
  assertEquals(view.getUint32(15, true), mask(0x364b3fb7)); // CRC-32C of "abc"
});

Deno.test("protobuf fields are those of the encoding guide", () => {
  assertEquals([...int64Field(1, 150)], [0x08, 0x96, 0x01]);
  assertEquals([...stringField(2, "testing")].slice(0, 3), [0x12, 0x07, 0x74]);
  assertEquals([...int64Field(2, 2 ** 40)], [
    0x10,
    0x80,
    0x80,
    0x80,
    0x80,
    0x80,
    0x20,
  ]);
  assertEquals([...doublesField(6, [2])], [0x32, 8, 0, 0, 0, 0, 0, 0, 0, 0x40]);
});

Deno.test("histogram() counts every finite value once", () => {
  const values = Float32Array.from(
    { length: 999 },
    (_, i) => Math.sin(i) * Math.exp(i % 9),
  );
  const { limits, buckets, count, sum, min, max } = histogram([
    ...values,
    NaN,
    Infinity,
  ]);
  assertEquals(count, 999);
  assertEquals(buckets.reduce((a, b) => a + b), 999);
  assertAlmostEquals(sum, values.reduce((a, b) => a + b, 0), 1e-6);
  assertEquals([min, max], [Math.min(...values), Math.max(...values)]);
  limits.forEach((limit, i) => {
    const below = i === 0 ? -Infinity : limits[i - 1]!;
    assert(below < limit);
    assertEquals(
      buckets[i],
      values.filter((x) => below <= x && x < limit).length,
    );
  });
});

Deno.test("a log with NaN and an incomplete last line is read", () => {
  const text = [
    formatLogLine({ type: "run", name: LOG.name, config: LOG.config }),
    ...LOG.steps.map((r) => formatLogLine({ type: "step", ...r })),
    ...LOG.evaluations.map((r) => formatLogLine({ type: "evaluation", ...r })),
    formatLogLine({ type: "end", ...LOG.end! }),
  ].join("");
  const plain = (log: RunLog) =>
    JSON.stringify(
      log,
      (key, v) => key === "type" ? undefined : String(v) === "NaN" ? "NaN!" : v,
    );
  assertEquals(plain(parseRunLog(text)), plain(LOG));
  assertEquals(parseRunLog(text).steps[1]!.gradNorm, Infinity);
  assertEquals(parseRunLog(text).end?.reason, "NaN"); // text stays text
  assertEquals(parseRunLog(text.slice(0, -5)).end, undefined);
  assertThrows(() => parseRunLog("{}\n"), RangeError, "line 1");
  assertThrows(() => parseRunLog("a,b\n1,2\n"), RangeError, 'line 1 is "a,b"');
});

Deno.test("the CSV has a row for each record, and a column for each measure", () => {
  assertEquals(
    formatCsv(LOG),
    "step,epoch,time,loss,lr,gradNorm,rate,val_loss,val_accuracy\n" +
      "10,0.5,1,0.25,0.001,,9,,\n" +
      "20,0.5,1,NaN,0.001,Infinity,9,,\n" +
      "20,1,2,,,,,0.3,0.9\n",
  );
});

Deno.test("a report is one page without dependencies, with names escaped", () => {
  const page = renderReport([LOG, { ...LOG, name: "b", evaluations: [] }], {
    notes: ["<hi>"],
  });
  assertStringIncludes(page, "a &lt;&quot;run&quot;&gt;");
  assertStringIncludes(page, "&lt;hi&gt;");
  assert(!/(src|href)=|url\(|@import/.test(page));
  for (
    const title of [
      "Training loss",
      "Validation loss",
      "Accuracy",
      "Learning rate",
      "Gradient norm",
      "Steps per second",
    ]
  ) {
    assertStringIncludes(page, title);
  }
  assert(
    !/[" ](NaN|Infinity)/.test(page.replaceAll("<td>NaN</td>", "")),
    "coordinates are finite",
  );
  assertThrows(() => renderReport([]), RangeError, "must be a run");
});

Deno.test("lineChart() draws no points, one point, constants and 10,000 points", () => {
  const chart = (points: [number, number][], log = false) =>
    lineChart({
      title: "t",
      log,
      series: [{ name: "s", points, smooth: true }],
    });
  assertStringIncludes(chart([]), "no values");
  assertStringIncludes(chart([[0, NaN]]), "no values");
  assertStringIncludes(chart([[0, -1], [1, 0]], true), "no values");
  for (const points of [[[3, 5]], [[1, 0], [2, 0]]] as [number, number][][]) {
    assert(!chart(points).includes("NaN"));
  }
  const many = Array.from(
    { length: 10_000 },
    (_, i): [number, number] => [i, i === 5000 ? 100 : Math.sin(i)],
  );
  const svg = chart(many);
  assert(svg.length < 40_000);
  assertMatch(svg, /[ML][\d.]+ 34[ML"]/, "the spike reaches the top");
});

Deno.test("numbers and durations are formatted shortly", () => {
  const numbers = {
    0: "0",
    0.03125: "0.03125",
    0.312345: "0.3123",
    1e-5: "1.0e-5",
    812.34: "812.3",
    123456.7: "123457",
    3.2e7: "3.2e+7",
  };
  for (const [x, text] of Object.entries(numbers)) {
    assertEquals(formatNumber(Number(x)), text);
  }
  assertEquals([formatDuration(59.6), formatDuration(3700)], [
    "01:00",
    "1:01:40",
  ]);
});
