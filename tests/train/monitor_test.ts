import { assert, assertEquals, assertRejects } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { latestCheckpoint } from "../../checkpoint.ts";
import * as optim from "../../optim/mod.ts";
import type { FitOptions } from "../../train/mod.ts";
import * as train from "../../train/mod.ts";
import { onEachBackend } from "../_backends.ts";
import { inFolder, namesIn } from "../_folder.ts";
import { line, numbers, type X } from "./_setup.ts";

/** A metric that has these values in turn. */
function valuesOf(...values: number[]) {
  let i = 0;
  return () => tf.scalar(values[i++ % values.length]!);
}

const only = { only: ["cpu"] } as const;

onEachBackend(
  "keeping the best checkpoint never ends the run, whenever it is saved",
  async () => {
    const table: [Partial<FitOptions<X>>, best: train.Monitor | boolean][] = [
      [{ epochs: 3 }, true],
      [{ epochs: 3, evaluateEvery: 3 }, true], // does not divide the epoch
      [{ epochs: 3, metrics: { f1: () => tf.scalar(NaN) } }, {
        monitor: "f1",
        mode: "max",
      }],
      [{ epochs: 3, metrics: { f1: valuesOf(Infinity, 1, -Infinity) } }, {
        monitor: "f1",
        mode: "max",
      }],
      [{ epochs: 3, signal: AbortSignal.abort() }, true],
    ];
    for (const [rest, best] of table) {
      for (const every of [undefined, 1, 2, 3]) {
        await inFolder(async (folder) => {
          const { step } = await train.fit({
            ...line(),
            validation: numbers(),
            ...rest,
            checkpoint: { folder, best, ...(every ? { every } : {}) },
          });
          const latest = await latestCheckpoint(folder);
          assertEquals(
            latest?.includes(String(step)),
            true,
            Deno.inspect(rest),
          );
        });
      }
    }
  },
  only,
);

onEachBackend("a value that is not finite is never the best", async () => {
  await inFolder(async (folder) => {
    await train.fit({
      ...line(),
      validation: numbers(false, 8),
      epochs: 5,
      metrics: { f1: valuesOf(0.1, Infinity, 0.3, NaN, 0.2) },
      checkpoint: {
        folder,
        keepLast: 1,
        best: { monitor: "f1", mode: "max" },
      },
    });
    assertEquals(namesIn(folder), [
      "history.jsonl",
      "step-000000012.braintape", // of 0.3
      "step-000000020.braintape",
    ]);
  });
}, only);

onEachBackend(
  "an evaluation of a step that was saved before it can be the best",
  async () => {
    await inFolder(async (folder) => {
      const result = await train.fit({
        ...line(),
        validation: numbers(false, 8),
        epochs: 3,
        metrics: { f1: valuesOf(0.1, 0.3, 0.2) },
        checkpoint: {
          folder,
          every: 4, // the last step of each epoch
          keepLast: 1,
          best: { monitor: "f1", mode: "max" },
          restoreBest: true,
        },
      });
      assert(namesIn(folder).includes("step-000000008.braintape"));
      assertEquals(result.values.f1, Math.fround(0.3));
    });
  },
  only,
);

/** The places where a measure is named. */
const PLACES: [string, (m: train.Monitor) => Partial<FitOptions<X>>][] = [
  ["earlyStopping", (m) => ({ callbacks: [train.earlyStopping(m)] })],
  [
    "checkpoint.best",
    (m) => ({ checkpoint: { folder: "/tmp/never-made", best: m } }),
  ],
];

onEachBackend(
  "a misspelled measure is refused before training, with the measures there are",
  async () => {
    for (const [name, place] of PLACES) {
      const { model, ...rest } = line();
      const error = await assertRejects(
        () =>
          train.fit({
            ...rest,
            model,
            validation: numbers(),
            epochs: 1,
            metrics: { mae: () => tf.scalar(1) },
            ...place({ monitor: "mea", mode: "min" }),
          }),
        RangeError,
        'must be one of loss, mae: current value is "mea"',
        name,
      );
      assert(error.message.startsWith("Cannot "), error.message);
      assertEquals(rest.optimizer.stepCount, 0);
    }
    await assertRejects(
      () =>
        train.fit({
          ...line(),
          validation: numbers(),
          epochs: 1,
          monitor: "mea",
        }),
      RangeError,
      'Cannot fit: monitor must be one of loss: current value is "mea"',
    );
  },
  only,
);

onEachBackend(
  "a measure that does not say which is better needs a mode",
  async () => {
    for (const [name, place] of PLACES) {
      await assertRejects(
        () =>
          train.fit({
            ...line(),
            validation: numbers(),
            epochs: 1,
            metrics: { mae: () => tf.scalar(1) },
            ...place({ monitor: "mae" }),
          }),
        TypeError,
        'mode must be "min" or "max", since the measure "mae" does not say which is better',
        name,
      );
    }
  },
  only,
);

onEachBackend(
  "measures are compared in the direction that they or the options state",
  async () => {
    const falling = [5, 4, 3, 2, 1];
    const stopped = async (
      values: number[],
      monitor: train.Monitor,
      mode?: "min" | "max",
    ) => {
      const metric = valuesOf(...values);
      const { reason } = await train.fit({
        ...line(),
        validation: numbers(false, 8),
        epochs: 5,
        metrics: { m: mode ? train.measure<X>(metric, mode) : metric },
        callbacks: [train.earlyStopping({ ...monitor, patience: 2 })],
      });
      return reason;
    };
    const early = "no better m in 2 evaluations";
    for (
      const [mode, whenFalling, whenRising] of [
        ["min", "done", early],
        ["max", early, "done"],
      ] as const
    ) {
      const rising = falling.toReversed();
      assertEquals(await stopped(falling, { monitor: "m", mode }), whenFalling);
      assertEquals(await stopped(rising, { monitor: "m", mode }), whenRising);
      assertEquals(await stopped(falling, { monitor: "m" }, mode), whenFalling);
      assertEquals(await stopped(rising, { monitor: "m" }, mode), whenRising);
    }
  },
  only,
);

onEachBackend(
  "without validation data early stopping and plateaus are refused before training",
  async () => {
    const plateau = line(new optim.ReduceLROnPlateau({ baseLr: 0.01 }));
    await assertRejects(
      () => train.fit({ ...plateau, epochs: 1 }),
      TypeError,
      "Cannot fit: ReduceLROnPlateau takes a metric, so there must be validation data",
    );
    assertEquals(plateau.optimizer.stepCount, 0);
    const { reason } = await train.fit({
      ...plateau,
      epochs: 1,
      schedule: "never",
    });
    assertEquals(reason, "done");
    const started: string[] = [];
    const early = line();
    await assertRejects(
      () =>
        train.fit({
          ...early,
          epochs: 1,
          callbacks: [
            { onStart: () => void started.push("log") },
            train.earlyStopping(),
          ],
        }),
      TypeError,
      "Cannot use earlyStopping: there must be validation data",
    );
    assertEquals([early.optimizer.stepCount, started], [0, []]);
  },
  only,
);

onEachBackend("onEpoch comes after the evaluation of that epoch", async () => {
  const events: string[] = [];
  await train.fit({
    ...line(),
    validation: numbers(),
    epochs: 2,
    callbacks: [{
      onEvaluation: ({ step }) => void events.push(`evaluation ${step}`),
      onEpoch: ({ epoch, log }) =>
        void events.push(`epoch ${epoch} ${log.evaluations.length}`),
    }],
  });
  assertEquals(events, [
    "evaluation 4",
    "epoch 1 1",
    "evaluation 8",
    "epoch 2 2",
  ]);
}, only);
