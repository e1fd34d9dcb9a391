import { assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import {
  type LearningRate,
  PiecewiseConstantSchedule,
  ReduceLROnPlateau,
  SequentialLR,
  SGD,
  StepLR,
  WarmupScheduler,
} from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import { onEachBackend } from "../_backends.ts";
import { advance, all, compositions, singles } from "./_schedulers.ts";

/**
 * The change of the parameters of two groups in one step of plain SGD with unit
 * gradients. They are put back to 0, so that none of the rate is rounded away.
 */
async function changes(
  optimizer: SGD,
  params: readonly ParamState[],
): Promise<number[]> {
  for (const param of params) {
    const zero = tf.scalar(0);
    param.value = zero;
    zero.dispose();
  }
  optimizer.step({ a: tf.scalar(1), b: tf.scalar(1) });
  const data = await Promise.all(params.map((param) => param.value.data()));
  return data.map((values) => values[0]!);
}

type Lr = LearningRate | undefined;

/** An optimizer with a parameter in each of two groups. */
function twoGroups(
  lr: LearningRate,
  second: { readonly lr?: Lr } = {},
): { optimizer: SGD; params: ParamState[] } {
  const zero = tf.scalar(0);
  const params = [new ParamState(zero), new ParamState(zero)];
  zero.dispose();
  const optimizer = new SGD({ lr })
    .registerTrainableWeights({ a: params[0]! })
    .addParamGroup({ b: params[1]! }, second);
  return { optimizer, params };
}

for (const [name, make] of Object.entries(all)) {
  onEachBackend(`SGD applies the rates of ${name}`, async () => {
    const scheduler = make();
    const { optimizer, params } = twoGroups(scheduler);
    for (let step = 0; step < 200; step++) {
      const rates = [0, 1].map((group) =>
        scheduler.lrAt(step, undefined, group)
      );
      assertEquals(optimizer.currentLr, rates[0]);
      assertEquals(optimizer.paramGroups.map(({ lr }) => lr), rates);
      const expected = rates.map((lr) => 0 - Math.fround(lr));
      assertEquals(await changes(optimizer, params), expected, `step ${step}`);
      assertEquals(optimizer.getLastLr(), rates);
      advance(optimizer.lrScheduler);
    }
    optimizer.dispose();
    for (const param of params) param.dispose();
  }, { only: ["cpu", "wasm"] });
}

const only = ["cpu"] as const;

/** The negated changes, which are the rates. */
async function applied(
  optimizer: SGD,
  params: readonly ParamState[],
): Promise<number[]> {
  return (await changes(optimizer, params)).map((change) => 0 - change);
}

onEachBackend("SGD applies a function of the step by itself", async () => {
  const { optimizer, params } = twoGroups((step) => 1 / (1 + step), { lr: 2 });
  for (let step = 0; step < 5; step++) {
    const rate = Math.fround(1 / (1 + step));
    assertEquals(await applied(optimizer, params), [rate, 2 * rate]);
  }
}, { only });

onEachBackend("a group's own rate is scaled by the schedule", async () => {
  const lr = new StepLR({ baseLr: 1, stepSize: 1, gamma: 0.5 });
  const { optimizer, params } = twoGroups(lr, { lr: 0.25 });
  for (const rate of [1, 0.5, 0.25, 0.125]) {
    assertEquals(await applied(optimizer, params), [rate, rate / 4]);
    lr.step();
  }
}, { only });

onEachBackend(
  "a group has no rate of its own under an absolute schedule",
  () => {
    const lr = new PiecewiseConstantSchedule();
    assertThrows(() => twoGroups(lr, { lr: 0.25 }), RangeError, "absolute");
  },
  { only },
);

onEachBackend("any number of groups use the same absolute rates", async () => {
  const lr = new PiecewiseConstantSchedule({
    baseLr: [1, 2],
    boundaries: [1],
    values: [0.5, 0.25],
  });
  const { optimizer, params } = twoGroups(lr);
  const zero = tf.scalar(0);
  optimizer.addParamGroup({ c: new ParamState(zero) });
  zero.dispose();
  assertEquals(await applied(optimizer, params), [0.5, 0.5]);
  lr.step();
  assertEquals(await applied(optimizer, params), [0.25, 0.25]);
  assertEquals(optimizer.paramGroups.map(({ lr }) => lr), [0.25, 0.25, 0.25]);
}, { only });

onEachBackend("a group's own scheduler is advanced by itself", async () => {
  const lr = new StepLR({ baseLr: 1, stepSize: 1, gamma: 0.5 });
  const own = new StepLR({ baseLr: 8, stepSize: 1, gamma: 0.25 });
  const { optimizer, params } = twoGroups(lr, { lr: own });
  assertEquals(await applied(optimizer, params), [1, 8]);
  lr.step();
  assertEquals(await applied(optimizer, params), [0.5, 8]);
  own.step();
  assertEquals(await applied(optimizer, params), [0.5, 2]);
}, { only });

onEachBackend("a scheduler that is added multiplies the rates", async () => {
  const lr = new StepLR({ baseLr: 1, stepSize: 1, gamma: 0.5 });
  const added = new WarmupScheduler({ baseLr: 4, warmupEpochs: 4 });
  const { optimizer, params } = twoGroups(lr, { lr: 2 });
  optimizer.addScheduler(added);
  for (const share of [0, 0.25, 0.5, 0.75, 1, 1]) {
    const rate = lr.lrAt(lr.lastEpoch) * share;
    assertEquals(optimizer.currentLr, rate);
    assertEquals(await applied(optimizer, params), [rate, 2 * rate]);
    lr.step();
    added.step();
  }
}, { only });

onEachBackend(
  "a rate set by hand holds while the schedule is constant, and scales it after",
  async () => {
    const lr = new StepLR({ baseLr: 1, stepSize: 1, gamma: 0.5 });
    const { optimizer, params } = twoGroups(lr, { lr: 2 });
    optimizer.lrApply((rate) => rate / 4);
    optimizer.lrApply((rate) => rate / 2); // of what it is now
    assertEquals(await applied(optimizer, params), [0.125, 0.25]);
    optimizer.currentLr = 4;
    assertEquals(await applied(optimizer, params), [4, 4]);
    assertEquals(await applied(optimizer, params), [4, 4]);
    lr.step();
    assertEquals(await applied(optimizer, params), [2, 2]);
  },
  { only },
);

onEachBackend("two optimizers follow one scheduler", async () => {
  const lr = new StepLR({ baseLr: 1, stepSize: 1, gamma: 0.5 });
  const [first, second] = [twoGroups(lr), twoGroups(lr)];
  lr.step();
  assertEquals(await applied(first.optimizer, first.params), [0.5, 0.5]);
  assertEquals(await applied(second.optimizer, second.params), [0.5, 0.5]);
  first.optimizer.dispose();
  lr.step();
  assertEquals(await applied(second.optimizer, second.params), [0.25, 0.25]);
}, { only });

for (
  const [name, make] of Object.entries({
    StepLR: singles.StepLR!,
    ReduceLROnPlateau: singles.ReduceLROnPlateau!,
    "a nested composition": compositions["Sequential of Chained of plateaus"]!,
  })
) {
  onEachBackend(
    `${name} is saved and loaded with the optimizer`,
    async () => {
      for (const stop of [1, 37, 60]) {
        const whole = twoGroups(make());
        const steps = async (run: typeof whole, until: number) => {
          const rates = [];
          while (run.optimizer.lrScheduler.lastEpoch < until) {
            rates.push(await applied(run.optimizer, run.params));
            advance(run.optimizer.lrScheduler);
          }
          return rates;
        };
        await steps(whole, stop);
        const { slots, ...rest } = whole.optimizer.stateDict();
        const saved = { ...JSON.parse(JSON.stringify(rest)), slots };
        const resumed = twoGroups(make());
        resumed.optimizer.loadStateDict(saved);
        assertEquals(resumed.optimizer.currentLr, whole.optimizer.currentLr);
        assertEquals(await steps(resumed, 150), await steps(whole, 150));
      }
    },
    { only },
  );
}

onEachBackend("a plateau after a warmup drives an optimizer", async () => {
  const lr = new SequentialLR({
    schedulers: [
      new WarmupScheduler({ baseLr: 1, warmupEpochs: 2 }),
      new ReduceLROnPlateau({ baseLr: 1, factor: 0.5, patience: 0 }),
    ],
    milestones: [2],
  });
  const { optimizer, params } = twoGroups(lr);
  const rates = [];
  for (const loss of [9, 9, 3, 3, 2, 2]) {
    rates.push((await applied(optimizer, params))[0]);
    lr.step(loss);
  }
  // The 3 is the first that the plateau sees; it comes again, then does the 2.
  assertEquals([...rates, optimizer.currentLr], [0, 0.5, 1, 1, 0.5, 0.5, 0.25]);
}, { only });
