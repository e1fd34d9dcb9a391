import { assert, assertEquals, assertMatch } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { loadCheckpoint } from "../../checkpoint.ts";
import { environ } from "../../environ.ts";
import { scope } from "../../memory.ts";
import * as nn from "../../nn/mod.ts";
import * as optim from "../../optim/mod.ts";
import * as random from "../../random.ts";
import { type AnyState, BatchState, ParamState } from "../../state.ts";
import * as train from "../../train/mod.ts";
import { onEachBackend } from "../_backends.ts";
import { inFolder } from "../_folder.ts";
import { numbers, type X } from "./_setup.ts";

/** A model with running statistics, random streams and a counter. */
function setup(bad: (call: number) => boolean, value = NaN) {
  random.seed(1);
  const model = new nn.Sequential(
    new nn.Linear(1, 4),
    new nn.BatchNorm0d(4, { momentum: 0.5 }),
    new nn.Dropout<tf.Tensor2D>({ rate: 0.5 }),
    new nn.Dropout<tf.Tensor2D>({
      rate: 0.5,
      random: new random.RandomState(9),
    }),
    new nn.Linear(4, 1),
  );
  const calls = scope(() => new BatchState(tf.scalar(0)));
  let call = 0;
  const loss = (x: tf.Tensor2D) => {
    const isBad = environ.get("fit") && bad(++call);
    if (environ.get("fit")) calls.value = tf.add(calls.value, 1);
    // The data itself is bad, as when a file is damaged.
    const input = isBad ? tf.mul<tf.Tensor2D>(x, value) : x;
    return tf.mean<tf.Scalar>(tf.square(model.call(input) as tf.Tensor2D));
  };
  const optimizer = new optim.Adam({ lr: 0.01 })
    .registerTrainableWeights(model.states(ParamState));
  const states: Record<string, AnyState> = {
    ...model.states(),
    calls,
    default: random.default,
  };
  return { model, optimizer, loss, states, data: numbers(true) };
}

/** What all states hold. */
async function contents(states: Record<string, AnyState>): Promise<unknown> {
  const all: Record<string, unknown> = {};
  for (const [path, { value }] of Object.entries(states)) {
    all[path] = value instanceof tf.Tensor ? [...await value.data()] : value;
  }
  return all;
}

const eager = "its loss counts its calls in JavaScript";
const only = { eager } as const;

for (const value of [NaN, Infinity]) {
  onEachBackend(
    `a refused step leaves nothing of itself (data times ${value})`,
    async () => {
      await inFolder(async (folder) => {
        const { states, ...options } = setup((call) => call === 6, value);
        let before: unknown;
        const held: number[] = [];
        const result = await train.fit({
          ...options,
          epochs: 3,
          checkpoint: { folder },
          callbacks: [{
            async onStep({ step }) {
              if (step === 5) before = await contents(states);
              held.push(tf.memory().numTensors);
            },
          }],
        });
        assertEquals([result.step, result.failed?.step], [5, 5]);
        assertMatch(result.reason, /^the loss of step 6 is (NaN|Infinity)$/);
        assertEquals(await contents(states), before);
        // Nothing is kept for taking back.
        assert(tf.memory().numTensors <= Math.max(...held));
        // The failed state that was saved is that before the step.
        await loadCheckpoint(result.failed!.path!, { model: options.model });
        assertEquals(await contents(states), before);
      });
    },
    only,
  );
}

onEachBackend(
  "a refused step of several batches restores the states before the first",
  async () => {
    const { states, ...options } = setup((call) => call === 6);
    let before: unknown;
    const result = await train.fit({
      ...options,
      data: numbers(), // a new order would be a draw of its own
      epochs: 3,
      accumulate: 2,
      callbacks: [{
        async onStep({ step }) {
          if (step === 2) before = await contents(states);
        },
      }],
    });
    assertEquals(result.failed?.step, 2);
    assertEquals(await contents(states), before);
  },
  only,
);

onEachBackend(
  'nan: "skip" trains as if the skipped batches were not in the data',
  async () => {
    const bad = [2, 3, 7];
    const { states, ...skipping } = setup((call) => bad.includes(call));
    const seen: number[] = [];
    const held: number[] = [];
    const result = await train.fit({
      ...skipping,
      data: numbers(),
      epochs: 3,
      nan: "skip",
      callbacks: [{
        onStep(run) {
          seen.push(run.skipped);
          held.push(tf.memory().numTensors);
        },
      }],
    });
    assertEquals([result.step, result.skipped, result.reason], [9, 3, "done"]);
    assertEquals(seen, [0, 2, 2, 2, 3, 3, 3, 3, 3]);
    assertEquals(result.failed, undefined);

    // The same batches without the bad ones, and the same random numbers.
    const { states: expected, ...without } = setup(() => false);
    const wanted = [1, 4, 5, 6, 8, 9, 10, 11, 12];
    const values = [1, 2, 3, 4, 5, 6, 7, 8];
    await train.fit({
      ...without,
      data: function* (): Generator<X> {
        for (const i of wanted) {
          const at = 2 * ((i - 1) % 4);
          yield [tf.tensor2d(values.slice(at, at + 2), [2, 1])];
        }
      },
      epochs: 1,
    });
    assertEquals(
      await contents(states),
      await contents(expected),
    );
  },
  only,
);

onEachBackend(
  'nan: "skip" stops after 100 skipped steps in a row',
  async () => {
    const { states: _, ...options } = setup(() => true);
    const { step, skipped, reason } = await train.fit({
      ...options,
      steps: 5,
      nan: "skip",
    });
    assertEquals([step, skipped], [0, 100]);
    assertEquals(reason, "the losses of 100 steps in a row are not finite");
  },
);

onEachBackend(
  "a loss that is not finite in the last steps is reported",
  async () => {
    const { states: _, ...options } = setup((call) => call === 12);
    const { reason } = await train.fit({ ...options, epochs: 3 });
    assertEquals(reason, "the loss of step 12 is NaN");
  },
  { eager },
);
