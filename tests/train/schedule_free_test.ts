/** Schedule-Free optimizers in `fit`: evaluations at x, steps at y. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import { batches } from "../../data/batches.ts";
import { column } from "../../data/column.ts";
import * as nn from "../../nn/mod.ts";
import * as optim from "../../optim/mod.ts";
import * as random from "../../random.ts";
import { BatchState, ParamState } from "../../state.ts";
import * as train from "../../train/mod.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import { inFolder } from "../_folder.ts";
import { line, numbers, weights } from "./_setup.ts";

const only = { only: ["cpu", "wasm", "webgpu"] } as const;

function setup(lr: optim.OptimizerOptions["lr"] = 0.02) {
  const { model, loss, data, optimizer: other } = line(0.001);
  other.dispose();
  const optimizer = new optim.ScheduleFreeSGD({ lr })
    .registerTrainableWeights(model.states(ParamState));
  return { model, loss, data, optimizer, validation: data };
}

onEachBackend(
  "fit measures and leaves the point to evaluate, with the bits of a loop by hand",
  async () => {
    const byHand = setup();
    const step = train.step(byHand.loss, byHand.optimizer);
    const measured: number[] = [];
    for (let epoch = 0; epoch < 3; epoch++) {
      for (const [x] of numbers()) tf.dispose([step(x), x]);
      byHand.optimizer.swap();
      let sum = 0;
      for (const [x] of numbers()) {
        const loss = byHand.loss(x);
        sum += (await loss.data())[0]! / 4;
        tf.dispose([loss, x]);
      }
      measured.push(sum);
      byHand.optimizer.swap();
    }
    const trained = await weights(byHand.model);
    byHand.optimizer.swap();
    for (const compile of [false, true]) {
      const { ...options } = setup();
      const { log } = await train.fit({ ...options, epochs: 3, compile });
      assertEquals(options.optimizer.isSwapped, true);
      assertEquals(await weights(options.model), await weights(byHand.model));
      log.evaluations.forEach(({ values }, i) => {
        const error = Math.abs(values["loss"]! - measured[i]!);
        assert(error < 1e-5 * measured[i]!, `${values["loss"]}`);
      });
      options.optimizer.swap();
      assertEquals(await weights(options.model), trained);
      options.optimizer.dispose();
    }
  },
  only,
);

onEachBackend(
  "a second run goes on at the trained point",
  async () => {
    const once = setup(), twice = setup();
    await train.fit({ ...once, epochs: 4 });
    await train.fit({ ...twice, epochs: 2 });
    await train.fit({ ...twice, epochs: 2 });
    assertEquals(await weights(twice.model), await weights(once.model));
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "the best model that is restored is at the point that was evaluated",
  () =>
    inFolder(async (folder) => {
      // A rate that diverges after the second epoch, so that the second is best.
      const options = setup((step) => step < 8 ? 0.002 : 5);
      let best: number[] = [];
      await train.fit({
        ...options,
        epochs: 4,
        checkpoint: { folder, best: true, restoreBest: true },
        callbacks: [{
          onEpoch: async (run) => {
            if (run.epoch === 2) {
              options.optimizer.swap();
              best = await weights(options.model);
              options.optimizer.swap();
            }
          },
        }],
      });
      assertEquals(await weights(options.model), best);
    }),
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "running statistics are those of the point to evaluate at the end",
  async () => {
    random.seed(2);
    const model = new nn.Sequential(
      new nn.Linear(1, 3),
      new nn.BatchNorm0d(3, { momentum: 0.5 }),
      new nn.Linear(3, 1),
    );
    const optimizer = new optim.ScheduleFreeAdamW({ lr: 0.05 })
      .registerTrainableWeights(model.states(ParamState));
    const loss = (x: tf.Tensor2D) =>
      tf.mean<tf.Scalar>(tf.squaredDifference(model.call(x) as tf.Tensor2D, x));
    const data = numbers(false, 4);
    const { values } = await train.fit({
      ...{ model, optimizer, loss, data },
      validation: data,
      epochs: 5,
    });
    const read = async () => {
      const states = Object.values(model.states(BatchState));
      const all = states.map(({ value }) => (value as tf.Tensor).data());
      return (await Promise.all(all)).flatMap((x) => [...x]);
    };
    const kept = await read();
    await nn.refreshStatistics(model, data, { forward: ([x]) => loss(x) });
    const fresh = await read();
    kept.forEach((x, i) => assert(Math.abs(x - fresh[i]!) < 1e-5));
    const again = await train.evaluate(data, { loss });
    assert(Math.abs(again["loss"]! - values["loss"]!) < 1e-5);
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "steps from a loss on that is not a number are as if they had not been taken",
  async () => {
    const run = async (bad: number) => {
      const options = setup();
      const values = Float32Array.of(1, 2, 3, 4, 5, 6, 7, bad);
      const data = batches([column(values, [1])], { batchSize: 2 });
      const { step } = await train.fit({
        ...options,
        data,
        ...(Number.isNaN(bad) ? { epochs: 1 } : { steps: 3 }),
      });
      assertEquals(step, 3);
      return await weights(options.model);
    };
    assertEquals(await run(NaN), await run(8));
  },
  only,
);

onEachBackend(
  "a rate is looked for at the trained point, and the other one is put back",
  async () => {
    const options = setup();
    await train.fit({ ...options, epochs: 1 });
    const before = await weights(options.model);
    await assertNoLeak(async () => {
      const { lrs } = await train.findLr({
        loss: options.loss,
        optimizer: options.optimizer,
        data: options.data,
        steps: 5,
        divergence: 1e6,
      });
      assertEquals(lrs.length, 5);
    });
    const { optimizer } = options;
    assertEquals([optimizer.isSwapped, optimizer.stepCount], [true, 4]);
    assertEquals(await weights(options.model), before);
    optimizer.dispose();
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "a step that an optimizer refuses frees its gradients and its loss",
  async () => {
    const { loss, optimizer } = setup();
    const step = train.step(loss, optimizer);
    const x = tf.tensor2d([[1], [2]]);
    step(x).dispose();
    optimizer.swap();
    await assertNoLeak(() => {
      assertThrows(() => step(x), Error, "Cannot step ScheduleFreeSGD");
    });
    x.dispose();
    optimizer.dispose();
  },
  { only: ["cpu", "wasm"] },
);

Deno.test("fit refuses an average of weights that are averaged already", async () => {
  await useBackend("cpu");
  const options = setup();
  const average = new train.ExponentialMovingAverage(
    options.optimizer.paramStates,
  );
  await assertRejects(
    () => train.fit({ ...options, average, epochs: 1 }),
    TypeError,
    "Cannot fit: average must be left out with ScheduleFreeSGD, which averages the weights itself",
  );
});
