/**
 * Evaluation of a model.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  boolean,
  callable,
  check,
  checkOptions,
  either,
  iterable,
  type OptionRules,
  recordOf,
  show,
  type ValueRule,
} from "../internal/check.ts";
import { metricRule } from "../nn/metrics/metric.ts";
import type { BatchMetric, MetricValue } from "./batch_metric.ts";
import type { Matrix } from "./logs/run_log.ts";
import { checkParts } from "./check_parts.ts";
import type { Measure } from "./measure.ts";
import { compile, type CompileOptions } from "../compile.ts";
import { compiledByTests } from "../internal/recording.ts";
import { environ } from "../environ.ts";
import { scope } from "../memory.ts";
import type { Batch } from "../data/batch.ts";
import {
  type BatchSource,
  latestTensor,
  noBatch,
  passOver,
} from "../data/sources.ts";
import type { World } from "../distributed/world.ts";
import { worldRule } from "../distributed/world_rule.ts";

/** What {@linkcode evaluate} computes, by name: means over examples, or metrics. */
export type MeasuresByName<B extends Batch> = Readonly<
  Record<string, Measure<B> | BatchMetric<B, MetricValue>>
>;

/** The values of measures, by name: numbers, and those of metrics that are matrices. */
export type MeasureValues<Measures> = {
  [Name in keyof Measures]: Measures[Name] extends
    { compute(): Promise<infer V> } ? V
    : number;
};

/** Options of {@linkcode evaluate}. */
export interface EvaluateOptions {
  /** The largest number of batches. Default: all. */
  readonly limit?: number;
  /**
   * Whether to record the measures of a batch once and replay them for the others,
   * with the same bits: see `compile`. It pays for many batches.
   *
   * @default {false}
   */
  readonly compile?: boolean;
  /**
   * The processes that each measure a part of the data, as `batches` gives it with
   * `shard`: means are over the examples of all. It takes no metrics, which count one
   * process' examples.
   */
  readonly world?: World;
}

const RULES: OptionRules<EvaluateOptions> = {
  limit: "a positive number",
  compile: boolean,
  world: worldRule,
};

/** The rule of measures by name. */
export const MEASURES: ValueRule = recordOf(either(callable, metricRule));

/**
 * Compute the means of measures over batches, each batch weighted by its number of
 * examples (the size of the first axis of its first tensor), and metrics made by
 * {@linkcode metric}.
 *
 * The measures run with `fit` false in the environment. The sums stay on the
 * device and are read once, at the end.
 *
 * @example Usage
 * ```ts
 * import { tf, train, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const data = train.batches([Float32Array.of(1, 2, 6)], { batchSize: 2 });
 * const means = await train.evaluate(data, { mean: (x) => tf.mean<tf.Scalar>(x) });
 * assertEquals(means, { mean: 3 });
 * ```
 *
 * @param data The batches. Those that a generator creates are freed.
 * @param measures The measures, by name.
 * @param options See {@linkcode EvaluateOptions}.
 * @returns The mean of each measure, and the value of each metric, under its name.
 * @throws {RangeError} If there is no batch.
 */
export async function evaluate<
  B extends Batch,
  const Measures extends MeasuresByName<B>,
>(
  data: BatchSource<B>,
  measures: Measures,
  options: EvaluateOptions = {},
): Promise<MeasureValues<Measures>> {
  check("evaluate", "the data", data, either(callable, iterable));
  check("evaluate", "measures", measures, MEASURES);
  checkOptions("evaluate", options, RULES);
  const { limit = Infinity, compile: isCompiled = false, world } = options;
  if (world) checkParts("evaluate", "the data", data, measures, world);
  const sums = measureSums(measures, isCompiled ? {} : undefined);
  try {
    const { values, matrices } = await meansOver(data, sums, limit, world);
    return Object.fromEntries(
      sums.names.map((name) => [name, values[name] ?? matrices[name]]),
    ) as MeasureValues<Measures>;
  } finally {
    sums.dispose();
  }
}

/** The sums of measures over the examples of a batch, and metrics. */
export interface MeasureSums<B extends Batch> {
  /** The names of all, in the order of their values. */
  readonly names: readonly string[];
  /** The names of the sums, in their order. */
  readonly means: readonly string[];
  /** The sums of a batch. */
  readonly of: (...batch: B) => tf.Tensor1D;
  /** The metrics by name. */
  readonly metrics: ReadonlyMap<string, BatchMetric<B, MetricValue>>;
  /** Free what was compiled. */
  dispose(): void;
}

/** The function that measures a batch, compiled if there are options for that. */
export function measureSums<B extends Batch>(
  measures: MeasuresByName<B>,
  options: CompileOptions | undefined,
): MeasureSums<B> {
  const means: [string, Measure<B>][] = [];
  const metrics = new Map<string, BatchMetric<B, MetricValue>>();
  for (const [name, measure] of Object.entries(measures)) {
    if (typeof measure === "function") means.push([name, measure]);
    else metrics.set(name, measure);
  }
  const sums = (...batch: B) =>
    scope(() => {
      const values = environ.context(
        { fit: false },
        () =>
          means.map(([, measure]) =>
            tf.cast<tf.Scalar>(measure(...batch), "float32")
          ),
      );
      if (values.length === 0) return tf.zeros<tf.Rank.R1>([0]);
      return tf.mul<tf.Tensor1D>(tf.stack(values), examplesIn(batch));
    });
  const compiled = options && compile(sums, options);
  return {
    names: Object.keys(measures),
    means: means.map(([name]) => name),
    of: compiled ?? compiledByTests(sums),
    metrics,
    dispose: () => compiled?.dispose(),
  };
}

/** The values of measures, by name. */
export interface Means {
  /** Those that are numbers. */
  readonly values: Readonly<Record<string, number>>;
  /** Those that are matrices. */
  readonly matrices: Readonly<Record<string, Matrix>>;
}

/** The values of measures over at most `limit` batches. */
export async function meansOver<B extends Batch>(
  data: BatchSource<B>,
  { names, means, of, metrics }: MeasureSums<B>,
  limit: number,
  world?: World,
): Promise<Means> {
  const since = latestTensor();
  let sums: tf.Tensor1D | undefined;
  let examples = 0;
  let batches = 0;
  for (const metric of metrics.values()) metric.reset();
  try {
    for await (const batch of passOver("evaluate", data, since)) {
      const next: tf.Tensor1D = scope(() => {
        const part = of(...batch);
        return sums ? tf.add(sums, part) : part;
      });
      sums?.dispose();
      sums = next;
      update(metrics, batch);
      examples += examplesIn(batch);
      if (++batches >= limit) break;
    }
    if (!sums) throw noBatch("evaluate", data);
    const own = await sums.data<"float32">();
    const [count, ...totals] = world?.sum(examples, ...own) ??
      [examples, ...own];
    const values = new Map<string, MetricValue>(
      means.map((name, i) => [name, totals[i]! / count!]),
    );
    for (const [name, metric] of metrics) {
      values.set(name, await valueOf(name, metric));
    }
    const kind = <V extends MetricValue>(is: (x: MetricValue) => x is V) =>
      Object.fromEntries(
        names.map((name) => [name, values.get(name)!] as const)
          .filter((entry): entry is [string, V] => is(entry[1])),
      );
    return {
      values: kind((x) => typeof x === "number"),
      matrices: kind((x) => typeof x !== "number"),
    };
  } finally {
    sums?.dispose();
  }
}

function update<B extends Batch>(
  metrics: ReadonlyMap<string, BatchMetric<B, MetricValue>>,
  batch: B,
): void {
  if (metrics.size === 0) return;
  scope(() =>
    environ.context({ fit: false }, () => {
      for (const metric of metrics.values()) metric.update(...batch);
    })
  );
}

async function valueOf<B extends Batch>(
  name: string,
  metric: BatchMetric<B, MetricValue>,
): Promise<MetricValue> {
  const value: unknown = await metric.compute();
  if (typeof value === "number" || isMatrix(value)) return value;
  throw new TypeError(
    `Cannot evaluate: the metric "${name}" must compute a number or a matrix: current value is ${
      show(value)
    }`,
  );
}

/** Whether `x` is an array of rows of numbers, all of one length. */
function isMatrix(x: unknown): x is Matrix {
  return Array.isArray(x) && x.length > 0 &&
    x.every((row) =>
      Array.isArray(row) && row.length === x[0].length &&
      row.every((cell) => typeof cell === "number")
    );
}

/** The number of examples in a batch. */
export function examplesIn(batch: Batch): number {
  return batch[0]?.shape[0] ?? 1;
}
