/**
 * Event files for TensorBoard: scalars and histograms.
 *
 * @module
 */
import "../../internal/dispose.ts";
import type * as tf from "@tensorflow/tfjs-core";
import { checkOptions } from "../../internal/check.ts";
import { filePath, join } from "../../internal/file_path.ts";
import type { OpenFile } from "../../internal/system/interface.ts";
import { system } from "../../internal/system/system.ts";
import { ParamState } from "../../state.ts";
import type { Callback, Run } from "../callback.ts";
import {
  bytesField,
  concat,
  doubleField,
  doublesField,
  floatField,
  int64Field,
  stringField,
} from "../../internal/protobuf.ts";
import { frameRecord } from "./tfrecord.ts";

/** A histogram as TensorBoard stores it. */
export interface Histogram {
  /** The smallest value. */
  readonly min: number;
  /** The largest value. */
  readonly max: number;
  /** The number of values. */
  readonly count: number;
  /** Their sum. */
  readonly sum: number;
  /** The sum of the squares. */
  readonly sumSquares: number;
  /** The upper limit of each bucket. */
  readonly limits: readonly number[];
  /** The number of values in each bucket. */
  readonly buckets: readonly number[];
}

/**
 * The upper limits of TensorBoard's buckets: 1e-12, then each 1.1 times the one
 * before, and the negative of these.
 */
const LIMITS: readonly number[] = (() => {
  const positive: number[] = [];
  for (let x = 1e-12; x < 1e20; x *= 1.1) positive.push(x);
  positive.push(Number.MAX_VALUE);
  return [...positive.map((x) => -x).reverse(), 0, ...positive];
})();

/**
 * Count values in TensorBoard's buckets. Values that are not finite are ignored.
 *
 * @example Usage
 * ```ts
 * import { train } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const { min, max, count, buckets } = train.histogram([1, 2, 2]);
 * assertEquals([min, max, count], [1, 2, 3]);
 * assertEquals(buckets.filter((n) => n > 0), [1, 2]);
 * ```
 *
 * @param values The values.
 * @returns The histogram; consecutive empty buckets are one bucket.
 */
export function histogram(values: ArrayLike<number>): Histogram {
  const counts = new Map<number, number>();
  let [min, max, count, sum, sumSquares] = [Infinity, -Infinity, 0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const x = values[i]!;
    if (!Number.isFinite(x)) continue;
    min = Math.min(min, x);
    max = Math.max(max, x);
    count++;
    sum += x;
    sumSquares += x * x;
    const bucket = bucketOf(x);
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  }
  const limits: number[] = [];
  const buckets: number[] = [];
  let end = -1; // the last bucket written
  for (const bucket of [...counts.keys()].sort((a, b) => a - b)) {
    if (bucket > end + 1) { // the empty buckets in between, as one
      limits.push(LIMITS[bucket - 1]!);
      buckets.push(0);
    }
    limits.push(LIMITS[bucket]!);
    buckets.push(counts.get(bucket)!);
    end = bucket;
  }
  if (count === 0) [min, max] = [0, 0];
  return { min, max, count, sum, sumSquares, limits, buckets };
}

/** The first bucket whose upper limit is above `x`. */
function bucketOf(x: number): number {
  let [low, high] = [0, LIMITS.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (LIMITS[middle]! > x) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Writes an event file, record by record.
 *
 * Field numbers are those of TensorFlow's `event.proto` and `summary.proto`.
 *
 * @example Usage
 * ```ts
 * import { train } from "@braintape/braintape";
 *
 * const folder = await Deno.makeTempDir();
 * await using events = await train.EventWriter.create(folder);
 * await events.scalar("loss", 0.5, 1);
 * await events.histogram("weights", [0.1, -0.2], 1);
 * ```
 */
export class EventWriter {
  /** The file. */
  readonly path: string;
  readonly #file: OpenFile;

  private constructor(path: string, file: OpenFile) {
    this.path = path;
    this.#file = file;
  }

  /**
   * Create an event file in `folder`, which is created if missing.
   *
   * @param folder The folder; TensorBoard shows each folder as a run.
   * @returns The writer.
   */
  static async create(folder: string | URL): Promise<EventWriter> {
    const action = "create an event file";
    const parent = filePath(action, folder, "folder");
    const machine = system(action);
    await machine.mkdir(parent, { recursive: true });
    // TensorBoard reads the files of a run in the order of their names.
    const now = Date.now();
    const seconds = String(Math.floor(now / 1000)).padStart(10, "0");
    const name = `events.out.tfevents.${seconds}.braintape.${now % 1000}`;
    const path = join(parent, name);
    const file = await machine.open(path, { create: true, append: true });
    const writer = new EventWriter(path, file);
    await writer.#write(stringField(3, "brain.Event:2"));
    return writer;
  }

  /**
   * Write a number.
   *
   * @param tag Its name; slashes make groups.
   * @param value The number, stored as float32.
   * @param step Steps taken.
   */
  scalar(tag: string, value: number, step: number): Promise<void> {
    return this.#summary(tag, floatField(2, value), step);
  }

  /**
   * Write a histogram.
   *
   * @param tag Its name; slashes make groups.
   * @param values The numbers.
   * @param step Steps taken.
   */
  histogram(
    tag: string,
    values: ArrayLike<number>,
    step: number,
  ): Promise<void> {
    const h = histogram(values);
    const message = concat([
      doubleField(1, h.min),
      doubleField(2, h.max),
      doubleField(3, h.count),
      doubleField(4, h.sum),
      doubleField(5, h.sumSquares),
      doublesField(6, h.limits),
      doublesField(7, h.buckets),
    ]);
    return this.#summary(tag, bytesField(5, message), step);
  }

  /** Close the file. */
  close(): void {
    this.#file.close();
  }

  /** As {@linkcode EventWriter.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  #summary(tag: string, value: Uint8Array, step: number): Promise<void> {
    const entry = concat([stringField(1, tag), value]);
    const summary = bytesField(1, entry);
    return this.#write(int64Field(2, step), bytesField(5, summary));
  }

  async #write(...fields: Uint8Array[]): Promise<void> {
    const time = doubleField(1, Date.now() / 1000);
    let record: Uint8Array = frameRecord(concat([time, ...fields]));
    while (record.length > 0) {
      record = record.subarray(await this.#file.write(record));
    }
  }
}

/** Options of {@linkcode tensorBoard}. */
export interface TensorBoardOptions {
  /**
   * Epochs between two histograms of the parameters; 0 writes none. Histograms need
   * the option `model` of `fit`.
   *
   * @default {1}
   */
  readonly histogramEvery?: number;
}

/**
 * Write loss, learning rate, gradient norm, steps per second, evaluations but for
 * matrices, and histograms of the parameters for TensorBoard.
 *
 * @param folder The folder of the event file; TensorBoard shows each folder as a run.
 * @param options See {@linkcode TensorBoardOptions}.
 * @returns A callback for `fit`.
 */
export function tensorBoard(
  folder: string | URL,
  options: TensorBoardOptions = {},
): Callback {
  const path = filePath("create tensorBoard", folder, "folder");
  checkOptions("create tensorBoard", options, {
    histogramEvery: "a nonnegative integer",
  });
  const { histogramEvery = 1 } = options;
  let writer: EventWriter | undefined;
  const histograms = async (events: EventWriter, { model, step }: Run) => {
    const params = model?.states(ParamState) ?? {};
    for (const [path, { value }] of Object.entries(params)) {
      await events.histogram(path, await read(value), step);
    }
  };
  return {
    async onStart() {
      writer = await EventWriter.create(path);
    },
    async onLog(_, { step, loss, lr, gradNorm, rate }) {
      await writer!.scalar("train/loss", loss, step);
      await writer!.scalar("train/lr", lr, step);
      if (gradNorm !== undefined) {
        await writer!.scalar("train/gradNorm", gradNorm, step);
      }
      await writer!.scalar("train/stepsPerSecond", rate, step);
    },
    async onEvaluation(_, { step, values, training = {} }) {
      for (const [name, value] of Object.entries(values)) {
        await writer!.scalar(`validation/${name}`, value, step);
      }
      for (const [name, value] of Object.entries(training)) {
        await writer!.scalar(`training sample/${name}`, value, step);
      }
    },
    async onEpoch(run) {
      if (histogramEvery > 0 && run.epoch % histogramEvery === 0) {
        await histograms(writer!, run);
      }
    },
    onEnd() {
      writer?.close();
    },
  };
}

function read(tensor: tf.Tensor): Promise<ArrayLike<number>> {
  return tensor.data() as Promise<Float32Array | Int32Array | Uint8Array>;
}
