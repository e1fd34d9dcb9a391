/**
 * What the examples that train a model have in common.
 *
 * @module
 */
import { random, tf, train, useBackend } from "@braintape/braintape";

/** The options of a run. */
export const RUN_OPTIONS = {
  backend: {
    default: "auto",
    help: "the backend",
    choices: ["auto", "webgpu", "wasm", "cpu"],
  },
  threads: { default: 0, help: "threads of wasm; 0 is one for each core" },
  seed: { default: 1, help: "the seed of all random numbers" },
  resume: { default: false, help: "continue from the last checkpoint" },
} as const;

/** The values of {@linkcode RUN_OPTIONS}. */
interface RunOptions {
  readonly backend: string;
  readonly threads: number;
  readonly seed: number;
  readonly resume: boolean;
}

/** A run that has been started. */
interface StartedRun {
  /** The backend that was chosen. */
  readonly backend: string;
  /** Its threads. */
  readonly threads: number;
  /** The folder to write into. */
  readonly folder: string;
}

/**
 * Start the backend, seed the random numbers, and get the folder of the run.
 *
 * @param options The options of the run.
 * @param out The folder; a later run gets a folder inside.
 */
export async function startRun(
  options: RunOptions,
  out: string,
): Promise<StartedRun> {
  const { backend, threads } = await useBackend(
    options.backend as "auto",
    options.threads > 0 ? { threads: options.threads } : {},
  );
  console.log(`backend ${backend}, ${threads} thread${threads > 1 ? "s" : ""}`);
  const { resume, seed } = options;
  const folder = await train.runFolder(out, { resume });
  random.seed(seed);
  return { backend, threads, folder };
}

/** Print how a run ended; false if it is to be resumed. */
export function printEnd({ reason, log, values }: train.FitResult): boolean {
  if (reason !== "done") {
    console.log(`${reason}; --resume goes on`);
    return false;
  }
  if (values.accuracy !== undefined) {
    console.log(`test accuracy ${values.accuracy.toFixed(4)}`);
  }
  console.log(`${log.end!.time.toFixed(1)} seconds, ${log.end!.step} steps`);
  return true;
}

/** The share of examples whose class has the highest score. */
export function accuracy<X extends tf.Tensor>(
  scores: (x: X) => tf.Tensor2D,
): train.Measure<[X, tf.Tensor]> {
  return train.measure(
    (x: X, labels: tf.Tensor) =>
      tf.mean<tf.Scalar>(
        tf.cast(tf.equal(tf.argMax(scores(x), 1), labels), "float32"),
      ),
    "max",
  );
}
