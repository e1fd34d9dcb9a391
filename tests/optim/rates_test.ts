/** Rates of groups and rates set by hand, in every kind of training loop. */
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import * as optim from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import { fit } from "../../train/mod.ts";
import { onEachBackend } from "../_backends.ts";
import { OPTIMIZERS } from "./_optimizers.ts";
import { singles } from "./_schedulers.ts";

const only = ["cpu"] as const;

function twoParams() {
  return {
    w: new ParamState(tf.scalar(1)),
    b: new ParamState(tf.scalar(1)),
  };
}

/** Train with `fit`: `steps` steps in each of `epochs` epochs. */
async function train(
  optimizer: optim.Optimizer<optim.OptimizerOptions>,
  params: Record<string, ParamState>,
  { steps = 4, epochs = 1, ...rest }: Record<string, unknown> & {
    steps?: number;
    epochs?: number;
  },
) {
  const result = await fit({
    optimizer: optimizer as unknown as optim.Optimizer,
    loss: (x: tf.Tensor) =>
      tf.mul(
        x,
        tf.addN(Object.values(params).map((p) => tf.square(p.value))),
      ) as tf.Scalar,
    data: {
      *[Symbol.iterator]() {
        for (let k = 0; k < steps; k++) yield [tf.scalar(1)];
      },
    },
    epochs,
    ...rest,
  } as never);
  return result;
}

onEachBackend("a group's own scheduler moves in fit", async () => {
  const { w, b } = twoParams();
  using optimizer = new optim.SGD({ lr: 0.01 })
    .registerTrainableWeights({ w })
    .addParamGroup({ b }, {
      lr: new optim.ExponentialLR({ baseLr: 0.1, gamma: 0.5 }),
    });
  await train(optimizer, { w, b }, { steps: 4 });
  assertEquals(optimizer.paramGroups[1]!.lr, 0.00625);
  assertEquals(optimizer.paramGroups[0]!.lr, 0.01);
}, { only });

onEachBackend(
  "every class of scheduler moves as a group's own, once a step",
  async () => {
    for (const [name, make] of Object.entries(singles)) {
      const { w, b } = twoParams(), own = make(), alone = make();
      using optimizer = new optim.SGD({ lr: 0.01 })
        .registerTrainableWeights({ w }).addParamGroup({ b }, { lr: own });
      assertEquals(optimizer.schedulers.includes(own), true, name);
      for (let k = 0; k < 20; k++) {
        optimizer.step({ w: tf.scalar(0), b: tf.scalar(0) });
        for (const scheduler of optimizer.schedulers) {
          scheduler.takesMetric ? scheduler.step(1) : scheduler.step();
        }
        alone.takesMetric ? alone.step(1) : alone.step();
      }
      assertEquals(optimizer.paramGroups[1]!.lr, alone.currentLrs[0], name);
    }
    await Promise.resolve();
  },
  { only },
);

onEachBackend("a scheduler of two groups is listed and stepped once", () => {
  const { w, b } = twoParams();
  const lr = new optim.ExponentialLR({ baseLr: 1, gamma: 0.5 });
  using optimizer = new optim.SGD({ lr }).registerTrainableWeights({ w })
    .addParamGroup({ b }, { lr });
  assertEquals(optimizer.schedulers, [lr]);
  for (const scheduler of optimizer.schedulers) scheduler.step();
  assertEquals(optimizer.paramGroups.map((group) => group.lr), [0.5, 0.5]);
  const state = optimizer.stateDict();
  optimizer.loadStateDict(state);
  assertEquals(optimizer.paramGroups.map((group) => group.lr), [0.5, 0.5]);
}, { only });

for (const [name, { make }] of Object.entries(OPTIMIZERS)) {
  onEachBackend(
    `${name}: a rate set by hand under a constant one holds until set again`,
    () => {
      const { w, b } = twoParams();
      using optimizer = make({ lr: 0.1 }).registerTrainableWeights({ w })
        .addParamGroup({ b });
      const walk = () => {
        for (let k = 0; k < 3; k++) {
          optimizer.step({ w: tf.scalar(0.1), b: tf.scalar(0.1) });
          for (const scheduler of optimizer.schedulers) scheduler.step();
        }
        return optimizer.paramGroups.map((group) => group.lr);
      };
      optimizer.currentLr = 0.001;
      assertEquals(walk(), [0.001, 0.001]);
      optimizer.lr = 0.003;
      assertEquals(walk(), [0.003, 0.003]);
      optimizer.paramGroups[1]!.lr = 0.007;
      assertEquals(walk(), [0.003, 0.007]);
      assertEquals(optimizer.getLastLr(), [0.003, 0.007]);
    },
    { only },
  );
}

onEachBackend(
  "a rate set by hand in fit holds for the epochs after",
  async () => {
    const { w } = twoParams();
    using optimizer = new optim.SGD({ lr: 0.1 }).registerTrainableWeights({
      w,
    });
    const result = await train(optimizer, { w }, {
      steps: 4,
      epochs: 3,
      logEvery: 1,
      callbacks: [{
        onEpoch(run: { epoch: number; optimizer: optim.Optimizer }) {
          if (run.epoch === 1) run.optimizer.currentLr = 0.001;
        },
      }],
    });
    const rates = result.log.steps.map((step) => step.lr);
    assertEquals(rates, [
      ...Array(4).fill(0.1),
      ...Array(8).fill(0.001),
    ]);
  },
  { only },
);

onEachBackend("a rate set by hand scales every schedule that follows", () => {
  for (const [name, make] of Object.entries(singles)) {
    const { w, b } = twoParams(), scheduler = make(), alone = make();
    using optimizer = new optim.SGD({ lr: scheduler })
      .registerTrainableWeights({ w }).addParamGroup({ b });
    const step = () => {
      for (const s of [scheduler, alone]) {
        s.takesMetric ? s.step(1) : s.step();
      }
    };
    for (let k = 0; k < 5; k++) step();
    optimizer.lrApply((lr) => lr / 8);
    for (let k = 0; k < 60; k++) {
      optimizer.paramGroups.forEach(({ lr }, group) => {
        const rate = alone.currentLrs[group]! / 8;
        assertAlmostEquals(lr, rate, 1e-12, `${name} at ${k}`);
      });
      step();
    }
  }
}, { only });

onEachBackend("a rate of 0 under a warmup is set for that step", () => {
  const { w } = twoParams();
  const lr = new optim.WarmupScheduler({ baseLr: 1, warmupEpochs: 4 });
  using optimizer = new optim.SGD({ lr }).registerTrainableWeights({ w });
  optimizer.currentLr = 0.5;
  assertEquals(optimizer.currentLr, 0.5);
  lr.step();
  assertEquals(optimizer.currentLr, 0.25);
}, { only });

onEachBackend("setting a property that is not the learning rate throws", () => {
  const { w } = twoParams();
  // deno-lint-ignore no-explicit-any
  const optimizer = new optim.Adam().registerTrainableWeights({ w }) as any;
  const refused: [() => void, string][] = [
    [() => optimizer.learningRate = 0.1, "Cannot set learningRate of Adam"],
    [() => optimizer.lr = "fast", "Cannot set lr of Adam: lr must be"],
    [() => optimizer.lr = new optim.StepLR(), "Cannot set lr of Adam"],
    [() => optimizer.currentLr = -1, "Cannot set currentLr of Adam"],
    [() => optimizer.currentLr = NaN, "current value is NaN"],
    [() => optimizer.baseLr = 1, "baseLr"],
    [() => optimizer.lrScheduler = 1, "lrScheduler"],
    [() => optimizer.lrApply(0.1), "fn must be a function"],
    [() => optimizer.paramGroups[0].lr = -1, "lr must be a nonnegative"],
    [() => optimizer.paramGroups[0].baseLr = 1, "baseLr"],
    [() => optimizer.paramGroups[0].learningRate = 1, "learningRate"],
    [() => optimizer.paramGroups[0].options.lr = 1, "lr"],
  ];
  for (const [set, message] of refused) assertThrows(set, Error, message);
  assertEquals(optimizer.currentLr, 1e-3);
}, { only });

onEachBackend(
  "a group's own plateau gets the metric of each evaluation",
  async () => {
    const { w, b } = twoParams();
    using optimizer = new optim.SGD({ lr: 1e-6 })
      .registerTrainableWeights({ w })
      .addParamGroup({ b }, {
        lr: new optim.ReduceLROnPlateau({
          baseLr: 1e-6,
          patience: 0,
          factor: 0.5,
          eps: 0,
          threshold: 0.5,
        }),
      });
    const validation = {
      *[Symbol.iterator]() {
        yield [tf.scalar(1)];
      },
    };
    await train(optimizer, { w, b }, { epochs: 3, validation });
    assertEquals(optimizer.paramGroups[1]!.lr, 2.5e-7);
    assertEquals(optimizer.paramGroups[0]!.lr, 1e-6);
  },
  { only },
);
