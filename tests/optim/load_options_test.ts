/** A new rate or decay where a saved state is loaded. */
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import * as optim from "../../optim/mod.ts";
import { scope } from "../../memory.ts";
import { ParamState } from "../../state.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import { OPTIMIZERS } from "./_optimizers.ts";

type AnyOptimizer = optim.Optimizer<optim.OptimizerOptions>;

function begin(optimizer: AnyOptimizer) {
  const { w, b } = scope(() => ({
    w: new ParamState(tf.tensor2d([[1, -1], [2, 3]])),
    b: new ParamState(tf.tensor1d([1, 2])),
  }));
  optimizer.registerTrainableWeights({ w }).addParamGroup({ b });
  const step = (steps: number) => {
    for (let k = 0; k < steps; k++) {
      optimizer.step({
        w: tf.tensor2d([[1, -0.5], [k, 2]]),
        b: tf.tensor1d([-1, k + 1]),
      });
    }
  };
  const dispose = () => [optimizer, w, b].forEach((x) => x.dispose());
  return { optimizer, w, b, step, dispose };
}

const read = async ({ w, b }: { w: ParamState; b: ParamState }) => [
  ...await w.value.data(),
  ...await b.value.data(),
];

for (const [name, { make, scenes }] of Object.entries(OPTIMIZERS)) {
  onEachBackend(
    `${name} loads a state with a new rate`,
    async () => {
      await assertNoLeak(async () => {
        const whole = begin(make({ lr: 0.1 })),
          resumed = begin(make({ lr: 0.1 }));
        whole.step(3);
        const state = whole.optimizer.stateDict();
        resumed.w.value = whole.w.value;
        resumed.b.value = whole.b.value;
        resumed.optimizer.loadStateDict(state, { lr: 0.01 });
        assertEquals(resumed.optimizer.currentLr, 0.01);
        whole.optimizer.currentLr = 0.01;
        whole.step(2);
        resumed.step(2);
        assertEquals(await read(resumed), await read(whole));
        assertEquals(resumed.optimizer.getLastLr(), [0.01, 0.01]);
        tf.dispose(Object.values(state.slots).map((x) => ({ ...x })));
        whole.dispose();
        resumed.dispose();
      });
    },
    { only: ["cpu", "wasm"] },
  );

  if (name === "LaProp") continue; // an example: it checks nothing of its own
  if (!("weightDecay" in scenes)) {
    onEachBackend(`${name} refuses a new decay, as it has none`, () => {
      const { optimizer } = begin(make());
      const state = optimizer.stateDict();
      assertThrows(
        () => optimizer.loadStateDict(state, { weightDecay: 0.1 }),
        Error,
        "weightDecay",
      );
    }, { only: ["cpu"] });
    continue;
  }

  onEachBackend(
    `${name} loads a state with a new weight decay`,
    async () => {
      await assertNoLeak(async () => {
        const options = { lr: 0.1, weightDecay: 0.01 };
        const whole = begin(make(options)), resumed = begin(make(options));
        const other = begin(make({ ...options, weightDecay: 0.5 }));
        whole.step(3);
        const state = whole.optimizer.stateDict();
        for (const { w, b } of [resumed, other]) {
          w.value = whole.w.value;
          b.value = whole.b.value;
        }
        resumed.optimizer.loadStateDict(state, { weightDecay: 0.5 });
        other.optimizer.loadStateDict(state);
        for (const each of [whole, resumed, other]) each.step(3);
        assertEquals(await read(resumed), await read(other));
        assertNotEquals(await read(resumed), await read(whole));
        tf.dispose(Object.values(state.slots).map((x) => ({ ...x })));
        for (const each of [whole, resumed, other]) each.dispose();
      });
    },
    { only: ["cpu", "wasm"] },
  );
}

onEachBackend(
  "a new rate on load scales the schedule that follows",
  () => {
    const make = () =>
      begin(
        new optim.SGD({
          lr: new optim.ExponentialLR({ baseLr: 1, gamma: 0.5 }),
        }),
      );
    const whole = make(), resumed = make();
    whole.optimizer.lrScheduler.step();
    resumed.optimizer.loadStateDict(whole.optimizer.stateDict(), { lr: 0.05 });
    assertEquals(resumed.optimizer.currentLr, 0.05);
    resumed.optimizer.lrScheduler.step();
    assertEquals(resumed.optimizer.currentLr, 0.025);
  },
  { only: ["cpu"] },
);

onEachBackend(
  "options of a load are checked before anything has changed",
  () => {
    const { optimizer, step } = begin(new optim.AdamW({ lr: 0.1 }));
    step(2);
    const state = optimizer.stateDict();
    step(1);
    for (
      const [options, message] of [
        [
          { learningRate: 1 },
          'Cannot load AdamW: there is no option "learningRate"',
        ],
        [
          { lr: -1 },
          "Cannot load AdamW: lr must be a nonnegative finite number",
        ],
        [{ weightDecay: NaN }, "Cannot load AdamW: weightDecay must be"],
        [0.1, "Cannot load AdamW: the options must be an object"],
      ] as const
    ) {
      const error = assertThrows(
        () => optimizer.loadStateDict(state, options as never),
        Error,
      );
      assert(error.message.startsWith(message), error.message);
      assertEquals(optimizer.stepCount, 3);
    }
  },
  { only: ["cpu"] },
);
