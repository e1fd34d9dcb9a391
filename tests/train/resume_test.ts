import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { loadCheckpoint, saveCheckpoint } from "../../checkpoint.ts";
import { batches } from "../../data/batches.ts";
import { column } from "../../data/column.ts";
import { prefetch } from "../../data/prefetch.ts";
import * as optim from "../../optim/mod.ts";
import * as random from "../../random.ts";
import type { Callback, FitOptions, FitResult } from "../../train/mod.ts";
import * as train from "../../train/mod.ts";
import { onEachBackend } from "../_backends.ts";
import { inFolder, namesIn } from "../_folder.ts";
import { line, numbers, weights, type X } from "./_setup.ts";

const only = { only: ["cpu", "wasm"] } as const;

/** Die after this many steps, as a process that is killed. */
function dieAt(step: number): Callback {
  return {
    onStep: (run) => {
      if (run.step === step) throw new Error("killed");
    },
  };
}

/** Runs that must end with the same bits, whenever they are killed. */
const RUNS: [name: string, make: () => Omit<FitOptions<X>, "epochs">][] = [
  ["shuffled data", () => line(0.001, numbers(true))],
  ["the same batches as data and validation", () => {
    const data = numbers(true);
    return { ...line(0.001, data), validation: data, evaluateEvery: 2 };
  }],
  ["the same batches as data and validation, evaluated after epochs", () => {
    const data = numbers(true);
    return { ...line(0.001, data), validation: data };
  }],
  ["overfitBatches", () => ({
    ...line(0.001, numbers(true)),
    overfitBatches: 3,
  })],
  ["overfitBatches of more batches than there are", () => ({
    ...line(0.001, numbers(true)),
    overfitBatches: 9,
  })],
  ["overfitBatches of data that is its own validation", () => {
    const data = numbers(true);
    return {
      ...line(0.001, data),
      validation: data,
      evaluateEvery: 2,
      overfitBatches: 3,
    };
  }],
  ["accumulated gradients", () => ({
    ...line(0.001, numbers(true)),
    accumulate: 3,
  })],
  ["a schedule, averages and logs", () => {
    const options = line(new optim.ExponentialLR({ baseLr: 0.01, gamma: 0.9 }));
    return {
      ...options,
      logEvery: 3,
      average: new train.ExponentialMovingAverage(
        options.optimizer.paramStates,
      ),
    };
  }],
  ["Schedule-Free steps that are evaluated", () => {
    const data = numbers(true);
    const { model, ...options } = line(0.001, data);
    const optimizer = new optim.ScheduleFreeAdamW({ lr: 0.1, warmupSteps: 5 })
      .registerTrainableWeights(options.optimizer.paramStates);
    return { ...options, model, optimizer, validation: data, evaluateEvery: 2 };
  }],
  ["estimates of the Hessian in some steps", () => {
    const { model, optimizer: other, ...options } = line(0.001, numbers(true));
    const optimizer = new optim.Sophia({ lr: 0.01, updatePeriod: 3 })
      .registerTrainableWeights(other.paramStates);
    return { ...options, model, optimizer };
  }],
  ["batches read ahead", () => {
    const data = line(0.001, numbers(true));
    const own = new random.RandomState(3);
    const source = batches([column([1, 2, 3, 4, 5, 6, 7.5], [1])], {
      batchSize: 2,
      shuffle: true,
      random: own,
    });
    return { ...data, data: prefetch(source), random: { own } };
  }],
];

const plain = ({ log, values, step, epoch }: FitResult) => ({
  steps: log.steps.map(({ step, epoch, loss, lr, gradNorm }) => ({
    step,
    epoch,
    loss,
    lr,
    gradNorm,
  })),
  evaluations: log.evaluations.map(({ step, epoch, values }) => ({
    step,
    epoch,
    values,
  })),
  values,
  step,
  epoch,
});

for (const [name, make] of RUNS) {
  onEachBackend(
    `a run that was killed ends with the same bits: ${name}`,
    async () => {
      const straight = make();
      const whole = await train.fit({ ...straight, epochs: 4 });
      const expected = await weights(straight.model!);
      for (const every of [1, 2, 5]) {
        for (const at of [1, 3, 4, 6]) {
          if (at <= every || at >= whole.step) continue; // not saved yet
          await inFolder(async (folder) => {
            const checkpoint = { folder, every };
            await assertRejects(
              () =>
                train.fit({
                  ...make(),
                  epochs: 4,
                  checkpoint,
                  callbacks: [dieAt(at)],
                }),
              Error,
              "killed",
            );
            const options = make();
            random.seed(99); // the checkpoint brings the right one back
            const resumed = await train.fit({
              ...options,
              epochs: 4,
              checkpoint,
              resume: true,
            });
            const where = `every ${every}, killed at ${at}`;
            assertEquals(await weights(options.model!), expected, where);
            assertEquals(plain(resumed), plain(whole), where);
          });
        }
      }
    },
    only,
  );
}

onEachBackend(
  "a batch size changed in the middle of an epoch is refused",
  async () => {
    for (
      const [data, message] of [
        [() => numbers(true, 4), "batchSize must be 2, as when the pass began"],
        [
          () =>
            batches([column([1, 2, 3, 4.5], [1])], {
              batchSize: 2,
              shuffle: true,
            }),
          "the number of examples must be 8, as when the pass began",
        ],
      ] as const
    ) {
      await inFolder(async (folder) => {
        await train.fit({
          ...line(0.001, numbers(true)),
          steps: 1,
          checkpoint: { folder },
        });
        const changed = { ...line(), data: data() };
        const before = await weights(changed.model);
        await assertRejects(
          () =>
            train.fit({
              ...changed,
              epochs: 2,
              checkpoint: { folder },
              resume: true,
            }),
          RangeError,
          message,
        );
        assertEquals(await weights(changed.model), before);
      });
    }
    // Between two epochs it may change.
    await inFolder(async (folder) => {
      const checkpoint = { folder };
      await train.fit({ ...line(0.001, numbers(true)), epochs: 1, checkpoint });
      const { step } = await train.fit({
        ...line(0.001, numbers(true, 4)),
        epochs: 2,
        checkpoint,
        resume: true,
      });
      assertEquals(step, 4 + 2);
    });
  },
  { only: ["cpu"] },
);

onEachBackend("batches refuse a state that stateDict() did not return", () => {
  const plain = numbers(), shuffled = numbers(true);
  const key = { key: [1, 2], offset: 0 };
  const table: [unknown, string][] = [
    [
      undefined,
      "it must be what stateDict() returned: current value is undefined",
    ],
    [7, "it must be what stateDict() returned: current value is 7"],
    ["", "it must be what stateDict() returned"],
    [{}, "it must be one of 4 unshuffled batches"],
    [{ order: null }, "it must be one of 4 unshuffled batches"],
    [{ order: null, position: NaN }, "it must be one of 4"],
    [{ order: null, position: -1 }, "it must be one of 4"],
    [{ order: null, position: 5 }, "it must be one of 4"],
    [{ order: key, position: 1 }, "it must be one of 4 unshuffled"],
    [[], "it must be one of 4"],
  ];
  for (const [place, message] of table) {
    const error = assertThrows(() => plain.loadStateDict(place as null), Error);
    assert(error.message.includes(message), error.message);
    assert(error.message.startsWith("Cannot load the place in the batches: "));
  }
  for (
    const order of [
      {},
      7,
      { key: [1], offset: 0 },
      { key: ["1", "2"], offset: 0 },
      { key: [1, 2], offset: NaN },
    ]
  ) {
    assertThrows(
      () => shuffled.loadStateDict({ order, position: 1 } as never),
      RangeError,
      "order must be the key of a random state",
    );
  }
}, { only: ["cpu"] });

onEachBackend(
  "a crafted progress record is refused before anything changes",
  async () => {
    const good = {
      step: 1,
      epoch: 0,
      batch: 1,
      skipped: 0,
      time: 1,
      losses: [1],
      history: { steps: 0, evaluations: 0 },
    };
    const bad: unknown[] = [
      null,
      7,
      [],
      {},
      { ...good, step: NaN },
      { ...good, step: Infinity },
      { ...good, step: -1 },
      { ...good, step: 1.5 },
      { ...good, step: "1" },
      { ...good, epoch: NaN },
      { ...good, epoch: -1 },
      { ...good, batch: -Infinity },
      { ...good, batch: undefined },
      { ...good, skipped: NaN },
      { ...good, time: NaN },
      { ...good, time: Infinity },
      { ...good, time: -1 },
      { ...good, losses: ["1"] },
      { ...good, losses: null },
      { ...good, losses: { length: 1e9 } },
      { ...good, history: { steps: NaN, evaluations: 0 } },
      { ...good, history: { steps: 1e9 } },
      { ...good, history: 7 },
      { ...good, log: 7 },
      { ...good, lossScale: 2 },
      { ...good, lossScale: { scale: 3, applied: 0, skipped: 0 } },
    ];
    for (const progress of bad) {
      await inFolder(async (folder) => {
        const { model, optimizer, data, ...rest } = line();
        await saveCheckpoint(`${folder}/step-000000001.braintape`, {
          model,
          optimizer,
          random: random.default,
          data,
          progress: {
            stateDict: () => progress,
            loadStateDict: () => {},
          },
        });
        const before = await weights(model);
        await assertRejects(
          () =>
            train.fit({
              ...rest,
              model,
              optimizer,
              data,
              steps: 9,
              checkpoint: { folder },
              resume: true,
            }),
          Error,
          "Cannot resume training: progress",
          Deno.inspect(progress),
        );
        assertEquals(await weights(model), before);
      });
    }
  },
  { only: ["cpu"] },
);

onEachBackend(
  "a checkpoint does not grow with the log, which is kept beside it",
  async () => {
    await inFolder(async (folder) => {
      const checkpoint = { folder, every: 100, keepLast: 100 };
      await train.fit({ ...line(), steps: 1000, logEvery: 1, checkpoint });
      const sizes = namesIn(folder).filter((name) => name.startsWith("step"))
        .map((name) => Deno.statSync(`${folder}/${name}`).size);
      assert(Math.max(...sizes) - Math.min(...sizes) < 20, sizes.join());
      const log = await train.readRunLog(`${folder}/history.jsonl`);
      assertEquals(log.steps.length, 1000);
      // A resumed run has all of it.
      const { log: resumed } = await train.fit({
        ...line(),
        steps: 1001,
        logEvery: 1,
        checkpoint,
        resume: true,
      });
      assertEquals(resumed.steps.length, 1001);
      assertEquals(resumed.steps.slice(0, 1000), log.steps);
    });
  },
  { only: ["cpu"] },
);

onEachBackend(
  "records after the checkpoint are replaced by those of the resumed run",
  async () => {
    await inFolder(async (folder) => {
      const checkpoint = { folder, every: 4 };
      for (const at of [6, 7, 11]) {
        await assertRejects(() =>
          train.fit({
            ...line(),
            epochs: 5,
            logEvery: 1,
            checkpoint,
            resume: true,
            callbacks: [dieAt(at)],
          })
        );
      }
      const { log } = await train.fit({
        ...line(),
        epochs: 5,
        logEvery: 1,
        checkpoint,
        resume: true,
      });
      const steps = Array.from({ length: 20 }, (_, i) => i + 1);
      assertEquals(log.steps.map(({ step }) => step), steps);
      const file = await train.readRunLog(`${folder}/history.jsonl`);
      assertEquals(file.steps.map(({ step }) => step), steps);
    });
  },
  { only: ["cpu"] },
);

onEachBackend(
  "a checkpoint without its history can be resumed",
  async () => {
    await inFolder(async (folder) => {
      await train.fit({ ...line(), steps: 12, checkpoint: { folder } });
      await Deno.remove(`${folder}/history.jsonl`);
      const warnings: string[] = [];
      const { warn } = console;
      console.warn = (text: string) => warnings.push(text);
      try {
        const { step } = await train.fit({
          ...line(),
          steps: 14,
          checkpoint: { folder },
          resume: true,
        });
        assertEquals(step, 14);
      } finally {
        console.warn = warn;
      }
      assertEquals(warnings.length, 1);
      assert(
        warnings[0]!.includes("There is no complete log of the run beside"),
      );
    });
  },
  { only: ["cpu"] },
);

onEachBackend(
  "values after restoreBest are those of the restored model",
  async () => {
    await inFolder(async (folder) => {
      const options = line(0.05); // too large: the loss rises after a while
      const result = await train.fit({
        ...options,
        validation: numbers(),
        epochs: 4,
        logEvery: 1,
        callbacks: [{
          onEpoch({ epoch, model }) {
            if (epoch < 2) return;
            for (const state of Object.values(model!.states())) {
              tf.tidy(() => state.value = tf.add(state.value as tf.Tensor, 1));
            }
          },
        }],
        checkpoint: { folder, best: true, restoreBest: true },
      });
      const { evaluations, steps } = result.log;
      const best = evaluations.reduce((a, b) =>
        b.values.loss! < a.values.loss! ? b : a
      );
      assert(best !== evaluations.at(-1));
      assertEquals(result.values, {
        ...best.values,
        trainingLoss: steps.find(({ step }) => step === best.step)!.loss,
      });
      const now = await train.evaluate(numbers(), { loss: options.loss });
      assertEquals(now.loss, result.values.loss);
    });
  },
  { only: ["cpu"] },
);

onEachBackend(
  "a folder with the checkpoints of another run is refused",
  async () => {
    await inFolder(async (folder) => {
      const checkpoint = { folder };
      await train.fit({ ...line(), steps: 8, checkpoint });
      const names = namesIn(folder);
      const { optimizer, ...rest } = line();
      await assertRejects(
        () => train.fit({ ...rest, optimizer, steps: 4, checkpoint }),
        RangeError,
        "Cannot fit: checkpoint.folder must have no checkpoints of another run unless resume is true: it has step-000000008.braintape",
      );
      assertEquals([optimizer.stepCount, namesIn(folder)], [0, names]);
    });
  },
  { only: ["cpu"] },
);

onEachBackend(
  "the newest checkpoint is that of the latest step, whatever the clock says",
  async () => {
    await inFolder(async (folder) => {
      const { now } = Date;
      const started: number[] = [];
      try {
        let offset = 0;
        Date.now = () => now() + offset;
        for (const [steps, hours] of [[100, 0], [200, -1], [210, 5]] as const) {
          offset = hours * 3_600_000;
          await train.fit({
            ...line(),
            steps,
            resume: true,
            checkpoint: { folder, every: 10 },
            callbacks: [{ onStart: ({ step }) => void started.push(step) }],
          });
        }
      } finally {
        Date.now = now;
      }
      assertEquals(started, [0, 100, 200]);
      assertEquals(namesIn(folder).filter((name) => name !== "history.jsonl"), [
        "step-000000200.braintape",
        "step-000000210.braintape",
      ]);
    });
  },
  { only: ["cpu"] },
);

onEachBackend(
  "a folder that cannot be written is refused before training",
  async () => {
    await inFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/file`, "");
      const { optimizer, ...rest } = line();
      await assertRejects(
        () =>
          train.fit({
            ...rest,
            optimizer,
            steps: 9,
            checkpoint: { folder: `${folder}/file/inside`, every: 4 },
          }),
        Error,
        `${folder}/file/inside`,
      );
      assertEquals(optimizer.stepCount, 0);
    });
  },
  { only: ["cpu"] },
);

onEachBackend(
  "files left by killed saves are removed when a run starts",
  async () => {
    await inFolder(async (folder) => {
      const old = new Date(Date.now() - 86_400_000);
      for (const step of [1, 2]) {
        const name =
          `.tmp-${crypto.randomUUID()}-step-00000000${step}.braintape`;
        await Deno.writeTextFile(`${folder}/${name}`, "half a file");
        await Deno.utime(`${folder}/${name}`, old, old);
      }
      await train.fit({ ...line(), steps: 3, checkpoint: { folder } });
      assertEquals(namesIn(folder), [
        "history.jsonl",
        "step-000000003.braintape",
      ]);
    });
  },
  { only: ["cpu"] },
);

onEachBackend(
  "a checkpoint of version 0.1.0, which contains the log, can be resumed",
  async () => {
    await inFolder(async (folder) => {
      const { model, optimizer, data, loss } = line();
      const log = '{"type":"run","name":"old","config":{}}\n' +
        '{"type":"step","step":2,"epoch":0.5,"time":1,"loss":"NaN","lr":0.1,"rate":9}\n';
      const progress = {
        step: 2,
        epoch: 0,
        batch: 2,
        log,
        losses: [3],
        time: 1,
      };
      await saveCheckpoint(`${folder}/step-000000002.braintape`, {
        model,
        optimizer,
        random: random.default,
        data: {
          stateDict: () => ({ order: null, position: 2 }),
          loadStateDict: () => {},
        },
        progress: { stateDict: () => progress, loadStateDict: () => {} },
      });
      const result = await train.fit({
        model,
        optimizer,
        data,
        loss,
        epochs: 1,
        checkpoint: { folder },
        resume: true,
      });
      assertEquals(result.log.steps.map(({ step }) => step), [2, 4]);
      assertEquals(result.log.steps[0]!.loss, NaN);
      assertEquals(result.step, 4);
    });
  },
  { only: ["cpu"] },
);

onEachBackend("an aborted run is saved with a complete log", async () => {
  await inFolder(async (folder) => {
    const controller = new AbortController();
    const result = await train.fit({
      ...line(),
      epochs: 9,
      signal: controller.signal,
      checkpoint: { folder, best: true },
      validation: numbers(),
      callbacks: [{
        onStep: ({ step }) => step === 6 ? controller.abort() : undefined,
      }],
    });
    assertEquals([result.step, result.reason], [6, "aborted"]);
    assertEquals(result.log.steps.map(({ step }) => step), [6]);
    const { data } = await loadCheckpoint(
      `${folder}/step-000000006.braintape`,
      { nothing: 0 },
      { strict: false },
    );
    assertEquals(data.nothing, 0);
  });
}, { only: ["cpu"] });
