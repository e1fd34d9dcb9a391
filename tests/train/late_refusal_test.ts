/** Losses that are not finite, where they are read later than steps are taken. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { webGpuBackend } from "../../backend/webgpu/backend.ts";
import { loadCheckpoint } from "../../checkpoint.ts";
import * as random from "../../random.ts";
import { ParamState } from "../../state.ts";
import * as train from "../../train/mod.ts";
import { onEachBackend } from "../_backends.ts";
import { inFolder, namesIn } from "../_folder.ts";
import { contents, OPTIMIZERS, setup } from "./_late.ts";

/** Where losses are read late. */
const webgpu = { only: ["webgpu"] } as const;

for (const [name, makeOptimizer] of Object.entries(OPTIMIZERS)) {
  for (const compile of [false, true]) {
    const how = compile ? "compiled" : "eager";
    onEachBackend(
      `${name}, ${how}: steps from a NaN loss on are as if they had not been taken`,
      async () => {
        const bad = setup(makeOptimizer, 6), good = setup(makeOptimizer);
        const options = { epochs: 1, compile, logEvery: 15 };
        const seen: number[] = [];
        random.seed(1);
        const result = await train.fit({
          ...bad,
          ...options,
          callbacks: [{ onStep: ({ step }) => void seen.push(step) }],
        });
        const found = await contents(bad);
        random.seed(1);
        await train.fit({ ...good, ...options, steps: 5 });
        assertEquals(found, await contents(good));
        assertEquals([result.step, result.epoch], [5, 0]);
        assertEquals(result.failed, { step: 5, loss: NaN });
        assertEquals(result.reason, "the loss of step 6 is NaN");
        assertEquals(seen.length, 15); // the losses were read then
        assertEquals(result.log.steps.map(({ step }) => step), [5]);
        assert(Number.isFinite(result.log.steps[0]!.loss));
      },
      { ...webgpu, eager: "it chooses itself what is compiled" },
    );
  }
}

onEachBackend(
  "averages of weights and infinite losses are taken back too",
  async () => {
    const makeOptimizer = OPTIMIZERS["Adam with a schedule"]!;
    const run = async (badStep?: number) => {
      const parts = setup(makeOptimizer, badStep, Infinity);
      const average = new train.ExponentialMovingAverage(
        parts.model.states(ParamState),
        {
          decay: 0.5,
        },
      );
      random.seed(1);
      const steps = badStep === undefined ? 5 : 20;
      await train.fit({ ...parts, average, steps });
      // Ended runs bring running statistics up to date, others do not.
      const weights = Object.entries(parts.optimizer.paramStates);
      const averages = Object.entries(average.states());
      const values: Record<string, unknown> = {};
      for (const [path, { value }] of [...weights, ...averages]) {
        const name = path in values ? `average of ${path}` : path;
        values[name] = value instanceof tf.Tensor
          ? [...await value.data()]
          : value;
      }
      return values;
    };
    assertEquals(await run(6), await run());
  },
  webgpu,
);

onEachBackend(
  "losses are read before a checkpoint, an evaluation and the end of an epoch",
  async () => {
    const makeOptimizer = OPTIMIZERS["SGD"]!;
    await inFolder(async (folder) => {
      const result = await train.fit({
        ...setup(makeOptimizer, 6),
        epochs: 2,
        logEvery: 100,
        checkpoint: { folder, every: 4 },
      });
      assertEquals(result.failed?.step, 5);
      const names = namesIn(folder).join();
      assertEquals(names, "failed,history.jsonl,step-000000004.braintape");
      assert((await Deno.stat(result.failed!.path!)).isFile);
    });
    const evaluated: number[] = [];
    const callbacks = [{
      onEvaluation: (_: unknown, { step }: { step: number }) =>
        void evaluated.push(step),
    }];
    const { data } = setup(makeOptimizer);
    const options = { logEvery: 100, epochs: 2, callbacks, validation: data };
    await train.fit({
      ...setup(makeOptimizer, 6),
      ...options,
      evaluateEvery: 3,
    });
    assertEquals(evaluated.splice(0), [3]);
    const last = await train.fit({ ...setup(makeOptimizer, 18), ...options });
    assertEquals([last.step, evaluated], [17, []]);
  },
  webgpu,
);

onEachBackend(
  "a failed run is saved with the place of its data after the batch of that step",
  async () => {
    const bad = setup(OPTIMIZERS["SGD"]!, 6),
      { data } = setup(OPTIMIZERS["SGD"]!);
    const batches = data[Symbol.iterator]();
    for (let i = 0; i < 6; i++) tf.dispose(batches.next().value);
    const place = data.stateDict();
    await inFolder(async (folder) => {
      const { failed } = await train.fit({
        ...bad,
        epochs: 1,
        logEvery: 100,
        checkpoint: { folder },
      });
      await loadCheckpoint(failed!.path!, { data });
      assertEquals(data.stateDict(), place);
    });
  },
);

onEachBackend(
  "an epoch whose last steps were taken back is not counted",
  async () => {
    for (const validation of [undefined, setup(OPTIMIZERS["SGD"]!).data]) {
      const called: string[] = [];
      const result = await train.fit({
        ...setup(OPTIMIZERS["SGD"]!, 19),
        epochs: 1,
        logEvery: 5,
        ...(validation ? { validation } : {}),
        callbacks: [{
          onEpoch: () => void called.push("epoch"),
          onEvaluation: () => void called.push("evaluation"),
        }],
      });
      assertEquals([result.step, result.epoch, called], [18, 0, []]);
      assertEquals(result.log.steps.at(-1)!.epoch, 0.95);
    }
  },
);

onEachBackend(
  "a run fails because of a loss, though a later step has asked to stop",
  async () => {
    for (const how of ["stop", "abort"]) {
      const abort = new AbortController();
      const result = await train.fit({
        ...setup(OPTIMIZERS["SGD"]!, 6),
        epochs: 1,
        logEvery: 15,
        signal: abort.signal,
        callbacks: [{
          onStep(run) {
            if (run.step !== 8) return;
            if (how === "stop") run.stop("enough");
            else abort.abort();
          },
        }],
      });
      assertEquals(result.reason, "the loss of step 6 is NaN");
      assertEquals(result.failed, { step: 5, loss: NaN });
    }
  },
);

onEachBackend(
  "if a run throws, steps from a NaN loss on do not count either",
  async () => {
    for (const place of ["data", "loss", "callback"]) {
      const parts = setup(OPTIMIZERS["Adam with a schedule"]!, 6);
      let step = 0;
      const fail = (where: string) => {
        if (where === place && step === 8) throw new Error("broken");
      };
      const data = async function* () {
        for await (const batch of parts.data) {
          step++;
          fail("data");
          yield batch;
        }
      };
      const { optimizer } = parts;
      await assertRejects(
        () =>
          train.fit({
            optimizer,
            data,
            loss(x: tf.Tensor2D) {
              fail("loss");
              return parts.loss(x);
            },
            epochs: 1,
            logEvery: 15,
            callbacks: [{ onStep: () => fail("callback") }],
          }),
        Error,
        "broken",
      );
      assertEquals(optimizer.stepCount, 5);
      assertEquals(optimizer.schedulers[0]!.lastEpoch, 5);
    }
  },
  webgpu,
);

onEachBackend("between two reads no step waits, and none leaks", async () => {
  const backend = webGpuBackend(), { read } = backend;
  const reads: number[] = [], tensors: number[] = [];
  let count = 0;
  backend.read = (dataId) => {
    count++;
    return read.call(backend, dataId);
  };
  try {
    await train.fit({
      ...setup(OPTIMIZERS["Adam with a schedule"]!),
      epochs: 2,
      logEvery: 5,
      callbacks: [{
        onStep() {
          reads.push(count);
          tensors.push(tf.memory().numTensors);
        },
      }],
    });
  } finally {
    backend.read = read;
  }
  // Two at each record: losses, and the norm of the gradients.
  assertEquals(reads.slice(5, 10), Array(5).fill(reads[5]));
  assert(reads.at(-1)! <= 2 * 7);
  assertEquals(tensors.slice(30, 34), tensors.slice(10, 14));
}, { ...webgpu, eager: "it counts tensors" });

onEachBackend('nan: "ignore" applies all steps', async () => {
  const parts = setup(OPTIMIZERS["SGD"]!, 6);
  const result = await train.fit({ ...parts, epochs: 1, nan: "ignore" });
  assertEquals([result.step, result.failed], [20, undefined]);
  const [first] = Object.values(parts.model.states(ParamState));
  assert([...await first!.value.data()].every(Number.isNaN));
}, webgpu);
