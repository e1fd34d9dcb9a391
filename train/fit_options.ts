/**
 * The options and the result of {@linkcode fit}.
 *
 * @module
 */
import type { CompileReport } from "../compile.ts";
import type { DiLoCoOptions } from "../distributed/diloco.ts";
import type { World } from "../distributed/world.ts";
import type { Module } from "../nn/mod.ts";
import type { Optimizer } from "../optim/mod.ts";
import type { RandomState } from "../random.ts";
import type { Batch } from "../data/batch.ts";
import type {
  BatchMetric,
  MetricValue,
  PredictionMetric,
} from "./batch_metric.ts";
import type { Callback } from "./callback.ts";
import type { CheckpointOptions } from "./checkpoints.ts";
import type { BatchSource } from "../data/sources.ts";
import type { Measure } from "./measure.ts";
import type { RunConfig, RunLog } from "./logs/run_log.ts";
import type { ScheduleUnits } from "./schedules.ts";
import type { WeightAverage } from "./weight_average.ts";

/** Options of {@linkcode fit}. */
export interface FitOptions<B extends Batch> {
  /**
   * The optimizer, with parameters registered. Of an `optim.AveragingOptimizer`, the point to
   * evaluate is in place for evaluations and at the end, with running statistics computed
   * again at the end as with `average`.
   */
  readonly optimizer: Optimizer;
  /** The function from a batch to the mean loss over its examples. */
  readonly loss: Measure<B>;
  /**
   * The training data, iterated over once for each epoch, or a function that returns
   * it. See {@linkcode BatchSource} for who frees the tensors.
   */
  readonly data: BatchSource<B>;
  /** The validation data. */
  readonly validation?: BatchSource<B>;
  /**
   * Measures of the validation data besides the loss, by name. A metric of `nn`, such
   * as `new nn.AccuracyMetric()`, is updated with what `model` predicts and with the
   * last tensor of the batch; `train.metric` says so of others. The value may be a
   * matrix, as that of `nn.ConfusionMatrix`: records of evaluations have it among
   * `matrices`, and the report draws it.
   */
  readonly metrics?: Readonly<
    Record<
      string,
      | Measure<B>
      // Not what says what a batch is: a metric of predictions looks like one of batches.
      | BatchMetric<NoInfer<B>, MetricValue>
      | PredictionMetric
    >
  >;
  /**
   * A part of the training data. Loss and metrics are measured on it whenever they are
   * on the validation data, in the same way: with `fit` false and the weights of that
   * moment, so that the two can be compared. The training loss that is logged cannot: it
   * is that of the steps themselves, with dropout, while the weights change. Records of
   * evaluations have the values, but those that are matrices, as `training`.
   */
  readonly trainingSample?: BatchSource<B>;
  /**
   * The model, whose states are saved in checkpoints. Default: only the parameters
   * of the optimizer are saved.
   */
  readonly model?: Module;

  /**
   * The processes that train together, which `mpi` returns. Each takes its part of every
   * batch, as `batches` gives it with `shard: world.shard`; their gradients are added, and
   * all take the same step. All start with what rank 0 has. Rank 0 alone reads and writes
   * checkpoints and calls the callbacks. What the loss draws from `random.default` differs
   * between ranks. Running statistics are averaged over the ranks before evaluations and
   * checkpoints. A source of batches that is not of this library must give each rank its
   * part, as many batches on all.
   */
  readonly world?: World;
  /**
   * With `world`: whether each rank keeps the slots of its part of the parameters only,
   * and gives these to the others after each step. Results have the same bits. It does not
   * go with rules of several parameters at once, as `gradClipNorm` of the optimizer.
   *
   * @default {false}
   */
  readonly shardOptimizer?: boolean;
  /**
   * With `world`: ranks take steps by themselves, and meet after `every` of them, before
   * evaluations and checkpoints, as {@linkcode DiLoCo} says: for slow networks. The log has
   * the loss of rank 0. Several ranks need full precision for it.
   */
  readonly diloco?: DiLoCoOptions;

  /** Stop after this many epochs. */
  readonly epochs?: number;
  /** Stop after this many steps. */
  readonly steps?: number;
  /** Stop after this many seconds, including those before a resume. */
  readonly timeLimit?: number;
  /** Stop when this is aborted, with a checkpoint but without a final evaluation. */
  readonly signal?: AbortSignal;

  /** Batches of a step; their gradients are averaged over examples. @default {1} */
  readonly accumulate?: number;
  /** The largest norm of all gradients together; larger ones are scaled down. */
  readonly gradClipNorm?: number;
  /** Limit each element of the gradients to [-gradClipValue, gradClipValue]. */
  readonly gradClipValue?: number;
  /**
   * After what the schedulers of the optimizer are stepped, or a function from a
   * scheduler to that. Those that take a metric are stepped after each evaluation,
   * with the measure named by `monitor`; there must be validation data for them,
   * unless the unit is `"never"`.
   *
   * @default {"step"}
   */
  readonly schedule?: ScheduleUnits;
  /** The measure of `validation` for schedulers that take a metric. @default {"loss"} */
  readonly monitor?: string;
  /**
   * Averaged weights, used for evaluation and left in the model at the end. If the
   * option `model` has running statistics and `data` has a length, those are computed
   * again at the end, with one pass over the data.
   */
  readonly average?: WeightAverage;

  /** Steps between two evaluations of `validation`. Default: once after each epoch. */
  readonly evaluateEvery?: number;
  /** Steps between two records of the log; the last steps are always logged. @default {10} */
  readonly logEvery?: number;
  /** Callbacks, such as `progressBar`, `jsonLines`, `earlyStopping`. */
  readonly callbacks?: readonly Callback[];
  /**
   * What to do if the loss of a step is not a finite number.
   *
   * - `"stop"`: end training. The step is not applied: parameters, running statistics
   *   and random streams stay as before it, and with `checkpoint` they are saved, on cpu
   *   and WASM together with the batch. On WebGPU losses are read only every `logEvery`
   *   steps, and where a checkpoint, an evaluation or an epoch ends; until then callbacks
   *   are called for further steps, which change nothing and are taken back as well,
   *   except states that they have given another shape by `replace`.
   *   In mixed precision they are read after 32 steps at most, and the batch is saved too.
   *   With `accumulate` in full precision, and with a line search, each loss is read.
   * - `"skip"`: do not apply the step, and continue with the next batch; the result
   *   has the number of skipped steps. Training ends after 100 in a row. On WebGPU
   *   in full precision each loss is read, which is slower.
   * - `"ignore"`: apply the step.
   *
   * @default {"stop"}
   */
  readonly nan?: "stop" | "skip" | "ignore";

  /**
   * Where to save checkpoints, and how often. With it, an interrupt (Ctrl+C), SIGTERM
   * or SIGHUP ends training with a checkpoint; a second one ends the process.
   */
  readonly checkpoint?: CheckpointOptions;
  /** Continue from the newest checkpoint, if there is one. @default {false} */
  readonly resume?: boolean;
  /** Random states that are saved besides `random.default`, by name. */
  readonly random?: Readonly<Record<string, RandomState>>;

  /**
   * Whether to record steps and evaluations once and replay them, with the same bits:
   * see `compile`. It makes steps of small and recurrent models several times faster,
   * on WASM and on WebGPU. What cannot be replayed runs as it is, and the reason is told once.
   *
   * It is off by default, since a number of JavaScript that `loss` computes with, and
   * that changes while training, is noticed late: hold it in a state.
   *
   * @default {false}
   */
  readonly compile?: boolean;

  /**
   * Try everything quickly: this many steps (`true` is 1), as many batches of
   * validation, no checkpoint.
   *
   * @default {false}
   */
  readonly fastDevRun?: boolean | number;
  /**
   * Train on this many first batches only, repeatedly: a model that cannot fit them
   * has a bug.
   */
  readonly overfitBatches?: number;

  /** The name of the run in logs and reports. @default {"run"} */
  readonly name?: string;
  /** The settings of the run, for logs and reports. */
  readonly config?: RunConfig;
}

/** The result of {@linkcode fit}. */
export interface FitResult {
  /** Steps taken. */
  readonly step: number;
  /** Whole epochs done. */
  readonly epoch: number;
  /** Why training ended; `"done"` after all epochs or steps. */
  readonly reason: string;
  /** Steps that were skipped: the loss, or in mixed precision a gradient, was not finite. */
  readonly skipped: number;
  /** All records of the run. */
  readonly log: RunLog;
  /**
   * The measures of the last evaluation, or of the restored model with
   * `restoreBest`, and as `trainingLoss` the mean loss of the steps logged last
   * before it. Without validation data `loss` is the training loss too.
   */
  readonly values: Readonly<Record<string, number>>;
  /** What was replayed of the steps, and why not all were, with `compile`. */
  readonly compiled?: CompileReport;
  /** The step whose loss was not finite, if one was. */
  readonly failed?: FailedStep;
}

/** A step whose loss was not a finite number. */
export interface FailedStep {
  /** Steps taken before it. */
  readonly step: number;
  /** Its loss. */
  readonly loss: number;
  /**
   * The file with the states before it and its last batch, if they were saved. On WebGPU
   * in full precision it has no batch: the loss is read after later steps were taken.
   */
  readonly path?: string;
}
