/** Stochastic weight averaging as in `torch.optim.swa_utils` (`scripts/golden/swa.py`). */
import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import * as optim from "../../optim/mod.ts";
import { scope } from "../../memory.ts";
import { ParamState } from "../../state.ts";
import * as train from "../../train/mod.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import golden from "../golden/swa.json" with { type: "json" };

for (const { baseLr, swaLr, epochs, decay, rates } of golden.rates) {
  Deno.test(`WSDSchedule goes from ${baseLr} to ${swaLr} in ${epochs} epochs as SWALR: ${decay}`, () => {
    const schedule = new optim.WSDSchedule({
      ...{ baseLr, etaMin: swaLr, warmupSteps: 0 },
      ...{ totalSteps: epochs, decaySteps: epochs },
      decay: decay as "cosine" | "linear",
    });
    rates.forEach((rate, epoch) => {
      const error = Math.abs(schedule.lrAt(epoch) - rate);
      assert(error < 1e-12, `${epoch}: ${schedule.lrAt(epoch)} is not ${rate}`);
    });
  });
}

/** The weights after step `k`. */
const weightsAt = (k: number) =>
  tf.tensor1d([0, 1, 2].map((i) => Math.sin(0.9 * k + i)));

async function follow(
  makeAverage: (states: { w: ParamState }) => train.WeightAverage,
  expected: readonly number[][],
  first: number,
): Promise<void> {
  const w = scope(() => new ParamState(weightsAt(0)));
  const average = makeAverage({ w });
  for (let k = 1; k < expected.length; k++) {
    scope(() => {
      w.value = weightsAt(k);
    });
    average.update();
    if (k < first) continue;
    average.swap();
    const actual = [...await w.value.data()];
    average.swap();
    expected[k]!.forEach((x, i) => {
      const error = Math.abs(actual[i]! - x);
      assert(error < 1e-6, `step ${k}: ${actual[i]} is not ${x}`);
    });
  }
  assertEquals([...await w.value.data()], [...await read(expected.length - 1)]);
  average.dispose();
  w.dispose();
}

async function read(k: number): Promise<Float32Array> {
  const x = weightsAt(k), values = await x.data();
  x.dispose();
  return values as Float32Array;
}

onEachBackend(
  "means of weights from a step on are those of torch's AveragedModel",
  async () => {
    // The first update here is that of step 1.
    const options = { start: 4, every: 3 };
    await assertNoLeak(() =>
      follow(
        (states) => new train.StochasticWeightAverage(states, options),
        golden.mean,
        5,
      )
    );
  },
);

onEachBackend(
  "moving averages of weights are those of torch's AveragedModel",
  async () => {
    // torch's begins with the weights of its first update, ours with those it is made of.
    const options = { decay: 0.9, warmup: false };
    await assertNoLeak(() =>
      follow(
        (states) => new train.ExponentialMovingAverage(states, options),
        golden.moving,
        1,
      )
    );
  },
);
