import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { LRScheduler, SGD } from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import { onEachBackend } from "../_backends.ts";
import { advance, all } from "./_schedulers.ts";

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

function twoGroups(lr: ConstructorParameters<typeof SGD>[0]) {
  const zero = tf.scalar(0);
  const params = [new ParamState(zero), new ParamState(zero)] as const;
  zero.dispose();
  const optimizer = new SGD(lr)
    .registerTrainableWeights({ a: params[0] })
    .addParamGroup({ b: params[1] });
  return { optimizer, params };
}

for (const [name, make] of Object.entries(all)) {
  onEachBackend(`SGD applies the rates of ${name}`, async () => {
    const scheduler = make();
    const { optimizer, params } = twoGroups({ lr: scheduler });
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
  }, { only: ["cpu"] });
}

onEachBackend("SGD applies a function of the step by itself", async () => {
  const { optimizer, params } = twoGroups({ lr: (step) => 1 / (1 + step) });
  for (let step = 0; step < 5; step++) {
    const change = 0 - Math.fround(1 / (1 + step));
    assertEquals(await changes(optimizer, params), [change, change]);
  }
  optimizer.dispose();
  for (const param of params) param.dispose();
}, { only: ["cpu"] });
