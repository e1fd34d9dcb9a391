/** Steps in mixed precision of which it is read late whether they count. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  autodiff,
  latestCheckpoint,
  loadCheckpoint,
  type optim,
  ParamState,
  random,
  saveCheckpoint,
  tf,
  train,
  useBackend,
} from "../../mod.ts";
import { webGpuBackend } from "../../backend/webgpu/backend.ts";
import { FULL, onEachBackend } from "../_backends.ts";
import { inFolder } from "../_folder.ts";
import { inMixedPrecision } from "../_mixed.ts";
import { BATCHES, contents, OPTIMIZERS, setup } from "./_late.ts";

type Batch = [x: tf.Tensor2D, factor: tf.Tensor1D];
type Options = Partial<train.FitOptions<Batch>>;

/** `loss`, whose gradient is multiplied by the largest number in `factor`. */
function multiplied(loss: tf.Scalar, factor: tf.Tensor1D): tf.Scalar {
  return autodiff.customGradient((x: tf.Scalar) => ({
    value: tf.clone(x),
    gradient: (dy) => tf.mul(dy, tf.max(factor)),
  }))(loss);
}

/**
 * A small model, and data whose gradients are infinite in the batches `bad` of each pass,
 * and whose loss is NaN in the batch `nan`.
 */
function parts(
  makeOptimizer: () => optim.Optimizer,
  bad: readonly number[],
  nan?: number,
) {
  const { model, optimizer, loss } = setup(makeOptimizer);
  const x = Float32Array.from({ length: 4 * BATCHES }, (_, i) => i / 80);
  if (nan !== undefined) x[4 * nan] = NaN;
  const factor = new Float32Array(2 * BATCHES).fill(1);
  for (const i of bad) factor[2 * i] = Infinity;
  return {
    model,
    optimizer,
    loss: (x: tf.Tensor2D, factor: tf.Tensor1D) => multiplied(loss(x), factor),
    data: train.batches([train.column(x, [2]), train.column(factor, [])], {
      batchSize: 2,
    }),
  };
}

/** Read each step before the next one: a callback is called only after those that count. */
const EACH: Options = { callbacks: [{ onStep() {} }] };

/** Steps that overflow: some in a row, and some after many that do not. */
const BAD = [0, 1, 4, 9, 10, 12, 18];

const makeAdam = OPTIMIZERS["Adam with a schedule"]!;

const EXTRAS: Readonly<Record<string, Options>> = {
  "no more": {},
  "the gradients of two batches": { accumulate: 2 },
  "the gradients of three batches, clipped by norm": {
    gradClipNorm: 0.01,
    accumulate: 3,
  },
  "clipping by norm": { gradClipNorm: 0.01 },
  "clipping by value": { gradClipValue: 0.001 },
  "evaluations and records": { logEvery: 3, evaluateEvery: 4 },
  "a number of steps": { steps: 19, schedule: "epoch" },
  'nan: "ignore"': { nan: "ignore" },
  'nan: "skip"': { nan: "skip" },
};

/** Train, and return all that it has led to. */
async function trained(
  makeOptimizer: () => optim.Optimizer,
  extra: Options,
) {
  const run = parts(makeOptimizer, BAD);
  const { validation } = extra.evaluateEvery
    ? { validation: parts(makeOptimizer, []).data }
    : {};
  random.seed(2);
  const { log, compiled, ...result } = await train.fit<Batch>({
    ...run,
    epochs: 2,
    logEvery: 1000,
    ...(validation ? { validation } : {}),
    ...extra,
  });
  const untimed = <T extends { time: number }>({ time: _, ...record }: T) => ({
    ...record,
    rate: undefined,
  });
  const found = {
    ...result,
    steps: log.steps.map(untimed),
    evaluations: log.evaluations.map(untimed),
    contents: await contents(run),
  };
  return { found, compiled };
}

/** Those whose steps evaluate the loss again need full precision. */
const { Sam: _, Sophia: __, ...optimizers } = OPTIMIZERS;

type Case = [name: string, make: () => optim.Optimizer, extra: Options];

const cases: readonly Case[] = [
  ...Object.entries(EXTRAS).map((
    [name, extra],
  ): Case => [name, makeAdam, extra]),
  ...Object.entries(optimizers)
    .filter(([name]) => FULL || name === "Lookahead" || /^noise/.test(name))
    .map(([name, make]): Case => [name, make, {}]),
];

for (const [name, makeOptimizer, extra] of cases) {
  const isEager = FULL || name === "no more" || extra.accumulate === 2;
  for (const compile of isEager ? [false, true] : [true]) {
    const how = compile ? "compiled" : "eager";
    inMixedPrecision(
      `${name}, ${how}: a run has the same bits whenever it is read which steps count`,
      async () => {
        const options = { ...extra, compile };
        const each = await trained(makeOptimizer, { ...options, ...EACH });
        const late = await trained(makeOptimizer, options);
        assertEquals(late.found, each.found);
        assert(late.found.skipped >= 5, `${late.found.skipped}`);
        if (compile) assert(late.compiled!.replayed > 0);
      },
    );
  }
}

inMixedPrecision(
  "averages of weights are those of steps that count",
  async () => {
    const run = async (extra: Options) => {
      const all = parts(makeAdam, BAD);
      random.seed(2);
      const average = new train.ExponentialMovingAverage(
        all.model.states(ParamState),
        { decay: 0.5 },
      );
      await train.fit<Batch>({
        ...all,
        average,
        epochs: 1,
        logEvery: 1000,
        ...extra,
      });
      return await contents(all);
    };
    const each = await run(EACH);
    for (const compile of [false, true]) {
      assertEquals(await run({ compile }), each);
    }
  },
);

inMixedPrecision(
  "batches of a generator, which are freed after each, are kept for steps taken again",
  async () => {
    const run = async (extra: Options) => {
      const { data, ...all } = parts(makeAdam, BAD);
      random.seed(2);
      const before = tf.memory().numTensors;
      const { step, epoch, skipped, log } = await train.fit<Batch>({
        ...all,
        data: async function* () {
          for await (const batch of data) {
            yield batch.map((x) => tf.clone(x)) as Batch;
          }
        },
        epochs: 2,
        accumulate: 3,
        logEvery: 1000,
        ...extra,
      });
      assertEquals(tf.memory().numTensors, before);
      const { loss } = log.steps.at(-1)!;
      return { step, epoch, skipped, loss, contents: await contents(all) };
    };
    const each = await run(EACH);
    assertEquals([each.step + each.skipped, each.epoch], [14, 2]);
    for (const compile of [false, true]) {
      assertEquals(await run({ compile }), each);
    }
  },
);

for (const nan of ["stop", "skip", "ignore"] as const) {
  inMixedPrecision(
    `a loss that is not finite is found late, with the same bits (nan: "${nan}")`,
    async () => {
      const run = async (extra: Options) => {
        const all = parts(makeAdam, [1, 12], 16);
        random.seed(2);
        let result: train.FitResult | undefined;
        await inFolder(async (folder) => {
          result = await train.fit<Batch>({
            ...{
              ...all,
              nan,
              epochs: 1,
              logEvery: 1000,
              checkpoint: { folder },
            },
            ...extra,
          });
          if (nan === "stop") await Deno.stat(result.failed!.path!);
        });
        const { step, skipped, reason, failed } = result!;
        return {
          ...{ step, skipped, reason },
          ...{ failedAt: failed?.step, loss: failed?.loss },
          contents: await contents(all),
        };
      };
      const late = await run({});
      assertEquals(late, await run(EACH));
      assertEquals(late.step + late.skipped, nan === "stop" ? 16 : BATCHES);
      assertEquals(late.loss, nan === "stop" ? NaN : undefined);
    },
  );
}

/** The scale after steps by the rule of torch.amp.GradScaler, in a plain loop. */
function scaleOfTorch(
  { scale, applied, skipped }: train.LossScaleState,
  overflows: readonly boolean[],
): train.LossScaleState {
  for (const overflow of overflows) {
    if (overflow) {
      scale *= 0.5;
      applied = 0;
      skipped++;
    } else if (++applied === 2000) {
      scale *= 2;
      applied = 0;
    }
  }
  return { scale, applied, skipped };
}

/** Save a run before its first step, with a loss scale of this state. */
async function saveStart(
  folder: string,
  { model, optimizer, data }: ReturnType<typeof parts>,
  lossScale: train.LossScaleState,
): Promise<void> {
  const { skipped } = lossScale;
  const progress = {
    ...{ step: 0, epoch: 0, batch: 0, skipped, time: 0, losses: [], lossScale },
    history: { steps: 0, evaluations: 0 },
  };
  await saveCheckpoint(`${folder}/step-000000000.braintape`, {
    ...{ model, optimizer, data, random: random.default },
    progress: { stateDict: () => progress, loadStateDict: () => {} },
  });
}

/** The loss scale in the newest checkpoint of a folder. */
async function savedScale(folder: string): Promise<unknown> {
  let saved: unknown;
  const progress = {
    stateDict: () => ({}),
    loadStateDict: ({ lossScale }: Record<string, unknown>) =>
      saved = lossScale,
  };
  const path = await latestCheckpoint(folder);
  await loadCheckpoint(path!, { progress }, { strict: false });
  return saved;
}

inMixedPrecision(
  "the scale of a resumed run grows and falls as PyTorch's GradScaler says",
  async () => {
    const start = { scale: 4, applied: 1988, skipped: 3 };
    const steps = 2 * BATCHES;
    for (const bad of [[], [11], [12], [0, 17, 18]]) {
      await inFolder(async (folder) => {
        const all = parts(makeAdam, bad);
        await saveStart(folder, all, start);
        const result = await train.fit<Batch>({
          ...all,
          epochs: 2,
          logEvery: 1000,
          checkpoint: { folder },
          resume: true,
        });
        const overflows = Array.from(
          { length: steps },
          (_, i) => bad.includes(i % BATCHES),
        );
        const expected = scaleOfTorch(start, overflows);
        assertEquals(result.skipped, expected.skipped);
        const saved = await savedScale(folder);
        assertEquals(saved, expected, `${bad}`);
      });
    }
  },
);

inMixedPrecision(
  "a run that was paused between two reads and resumed ends with the same bits",
  async () => {
    const options = { epochs: 2, logEvery: 1000 };
    const run = async (pausedAt: readonly number[]) => {
      const all = parts(makeAdam, BAD);
      random.seed(2);
      let result: train.FitResult | undefined;
      await inFolder(async (folder) => {
        for (const at of [...pausedAt, Infinity]) {
          const abort = new AbortController();
          let calls = 0;
          result = await train.fit<Batch>({
            ...all,
            ...options,
            loss: (...batch) => {
              if (++calls === at) abort.abort();
              return all.loss(...batch);
            },
            signal: abort.signal,
            checkpoint: { folder },
            resume: true,
          });
        }
      });
      const { step, skipped, epoch } = result!;
      return { step, skipped, epoch, contents: await contents(all) };
    };
    const whole = await run([]);
    for (const at of FULL ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] : [2, 5, 11]) {
      assertEquals(await run([at, at]), whole, `paused after ${at}`);
    }
  },
);

inMixedPrecision(
  "between two reads no step waits, and none leaks, nor with a report",
  async () => {
    const { loss, ...others } = parts(makeAdam, []);
    const page = await Deno.makeTempFile({ suffix: ".html" });
    const backend = webGpuBackend(), { read } = backend;
    let reads = 0;
    backend.read = (dataId) => {
      reads++;
      return read.call(backend, dataId);
    };
    const tensors: number[] = [];
    try {
      for (const compile of [false, true, false, true]) {
        const atSteps: number[] = [];
        reads = 0;
        await train.fit<Batch>({
          ...{ ...others, compile, callbacks: [train.report(page)] },
          loss: (...batch) => {
            atSteps.push(reads);
            return loss(...batch);
          },
          epochs: 8,
          logEvery: 1000,
        });
        tensors.push(tf.memory().numTensors);
        // At the end of each epoch it is read which steps counted, and the losses.
        if (!compile) {
          assertEquals(atSteps.slice(-BATCHES), Array(BATCHES).fill(reads - 2));
        }
        assert(reads < 60, `${reads} reads in 160 steps`);
      }
    } finally {
      backend.read = read;
      await Deno.remove(page);
    }
    assertEquals(tensors, Array(4).fill(tensors[0]));
  },
);

inMixedPrecision(
  "if a run throws, steps after one that does not count do not count either",
  async () => {
    const all = parts(makeAdam, [12]), whole = parts(makeAdam, []);
    const start = { scale: 4, applied: 0, skipped: 0 };
    const run = async (
      all: ReturnType<typeof parts>,
      extra: Options,
    ) => {
      random.seed(2);
      await inFolder(async (folder) => {
        await saveStart(folder, all, start);
        await train.fit<Batch>({
          ...{ ...all, epochs: 1, logEvery: 1000, resume: true },
          checkpoint: { folder },
          ...extra,
        });
      });
      return await contents(all);
    };
    let calls = 0;
    const loss = (...batch: Batch) => {
      // It has been read of steps 1, 2 to 3 and 4 to 7 whether they count.
      if (++calls === 15) throw new Error("broken");
      return all.loss(...batch);
    };
    await assertRejects(() => run(all, { loss }), Error, "broken");
    assertEquals(all.optimizer.stepCount, 12);
    assertEquals(all.optimizer.schedulers[0]!.lastEpoch, 12);
    const steps = await run(whole, { steps: 12 });
    const paths = Object.keys(whole.optimizer.paramStates);
    for (const path of paths) {
      assertEquals((await contents(all))[path], steps[path]);
    }
  },
);

onEachBackend(
  "a run that is resumed in full precision keeps the scale for mixed precision",
  async () => {
    const scale = { scale: 512, applied: 7, skipped: 3 };
    await inFolder(async (folder) => {
      const all = parts(makeAdam, []);
      await saveStart(folder, all, scale);
      const options = { ...all, resume: true, checkpoint: { folder } };
      for (const steps of [2, 5]) {
        const result = await train.fit<Batch>({ ...options, steps });
        assertEquals([result.step, result.skipped], [steps, 3]);
        assertEquals(await savedScale(folder), scale);
      }
    });
  },
  { only: ["cpu"] },
);

inMixedPrecision(
  "a run that is resumed in the other precision and back goes on with its scale",
  async () => {
    const scale = { scale: 8, applied: 7, skipped: 0 };
    await inFolder(async (folder) => {
      const all = parts(makeAdam, []);
      await saveStart(folder, all, scale);
      const options = { ...all, resume: true, checkpoint: { folder } };
      const train3 = async (steps: number) => {
        await train.fit<Batch>({ ...options, steps });
        return await savedScale(folder);
      };
      assertEquals(await train3(3), { ...scale, applied: 10 });
      await useBackend("webgpu");
      assertEquals(await train3(6), { ...scale, applied: 10 });
      await useBackend("webgpu", { precision: "mixed" });
      assertEquals(await train3(9), { ...scale, applied: 13 });
    });
  },
);

inMixedPrecision(
  "a run in full precision that is resumed in mixed precision begins with the first scale",
  async () => {
    await inFolder(async (folder) => {
      const all = parts(makeAdam, []);
      // So small that nothing overflows.
      const loss: typeof all.loss = (x, factor) =>
        tf.mul<tf.Scalar>(all.loss(x, factor), 2 ** -16);
      const options = { ...all, loss, resume: true, checkpoint: { folder } };
      await useBackend("webgpu");
      await train.fit<Batch>({ ...options, steps: 2 });
      assertEquals(await savedScale(folder), undefined);
      await useBackend("webgpu", { precision: "mixed" });
      await train.fit<Batch>({ ...options, steps: 5 });
      assertEquals(await savedScale(folder), {
        scale: 65536,
        applied: 3,
        skipped: 0,
      });
    });
  },
);

inMixedPrecision(
  "if the data throw between the batches of a step, no step after a skipped one counts",
  async () => {
    const { data, ...all } = parts(makeAdam, [16]);
    await inFolder(async (folder) => {
      await saveStart(folder, { ...all, data }, {
        ...{ scale: 4, applied: 0, skipped: 0 },
      });
      const before = tf.memory().numTensors;
      await assertRejects(
        () =>
          train.fit<Batch>({
            ...all,
            data: async function* () {
              let i = 0;
              for await (const batch of data) {
                // Steps 8 to 10 have not been read; the 9th overflows.
                if (i++ === 19) throw new Error("broken");
                yield batch;
              }
            },
            accumulate: 2,
            epochs: 1,
            logEvery: 1000,
            checkpoint: { folder },
            resume: true,
          }),
        Error,
        "broken",
      );
      assertEquals(all.optimizer.stepCount, 8);
      assertEquals(all.optimizer.schedulers[0]!.lastEpoch, 8);
      assertEquals(tf.memory().numTensors, before);
    });
  },
);
