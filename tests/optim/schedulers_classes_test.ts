import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import * as optim from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import { mapNamed } from "../../tensors.ts";
import { onEachBackend } from "../_backends.ts";

const { ExponentialLR, Optimizer, SGD, WarmupScheduler } = optim;

type AnyOptimizer = optim.Optimizer<optim.OptimizerOptions>;
type OptimizerClass = new (options: object) => AnyOptimizer;

const STEPS = 12;

/** What a class cannot do without. */
const NEEDED: Record<string, () => object> = {
  Cautious: () => ({ baseOptimizer: new SGD() }),
  GradientCentralization: () => ({ baseOptimizer: new SGD() }),
  Lookahead: () => ({ baseOptimizer: new SGD() }),
  Sam: () => ({ baseOptimizer: new SGD() }),
};

/** These look at the loss: their own tests probe them. */
const PROMISES = new Set([
  ...["ForwardMode", "LBFGS", "Sam", "SOFO", "SOFOScan"],
]);

const classes = Object.entries(optim as unknown as Record<string, unknown>)
  .filter(([name, value]) =>
    typeof value === "function" && !PROMISES.has(name) &&
    (value === Optimizer || value.prototype instanceof Optimizer)
  ) as [string, OptimizerClass][];

/** Values of the same kind every time, away from 0. */
function values(step: number): number[] {
  return Array.from({ length: 6 }, (_, i) => {
    const wave = Math.sin(3 * step + 5 * i + 1);
    return wave + Math.sign(wave) * 0.2;
  });
}

interface Run {
  readonly optimizer: AnyOptimizer;
  readonly params: readonly ParamState[];
}

/** An optimizer of two matrices, in a group each. */
function start(make: OptimizerClass, name: string, options: object): Run {
  const params = [0, 1].map((i) => {
    const value = tf.tensor2d(values(100 + i), [2, 3]);
    const param = new ParamState<tf.Tensor>(value);
    value.dispose();
    return param;
  });
  const optimizer = new make({ ...NEEDED[name]?.(), ...options })
    .registerTrainableWeights({ a: params[0]! })
    .addParamGroup({ b: params[1]! });
  return { optimizer, params };
}

function step({ optimizer }: Run, t: number): void {
  const gradients = () => ({
    a: tf.tensor2d(values(t), [2, 3]),
    b: tf.tensor2d(values(2 * t), [2, 3]),
  });
  const given: unknown = optimizer;
  if (given instanceof optim.Sam) {
    return given.step(() => [gradients(), tf.scalar(0)]).dispose();
  }
  if (given instanceof optim.Sophia && given.isHessianDue) {
    given.updateHessian((vector) => mapNamed(vector, (x) => tf.clone(x)));
  }
  optimizer.step(gradients());
}

async function end({ optimizer, params }: Run): Promise<number[][]> {
  const data = await Promise.all(params.map((param) => param.value.data()));
  optimizer.dispose();
  for (const param of params) param.dispose();
  return data.map((x) => [...x]);
}

for (const [name, make] of classes) {
  onEachBackend(
    `${name} applies currentLr from the first step on, in each group`,
    async () => {
      const baseLr = 0.05, gamma = 0.8;
      const scheduler = new ExponentialLR({ baseLr, gamma });
      const scheduled = start(make, name, { lr: scheduler });
      const set = start(make, name, { lr: baseLr });
      const ofStep = start(make, name, {
        lr: (t: number) => baseLr * gamma ** t,
      });
      const constant = start(make, name, { lr: baseLr });
      for (let t = 0; t < STEPS; t++) {
        assertEquals(scheduled.optimizer.currentLr, scheduler.lrAt(t));
        set.optimizer.currentLr = scheduler.lrAt(t);
        for (const run of [scheduled, set, ofStep, constant]) step(run, t);
        assertEquals(scheduled.optimizer.getLastLr(), [
          scheduler.lrAt(t),
          scheduler.lrAt(t),
        ]);
        scheduler.step();
      }
      const ends = await end(scheduled);
      assertEquals(await end(set), ends, "currentLr = ... is the same");
      const others = await end(ofStep);
      // Rprop's limits are of the base rate, and that of a function is 1.
      if (name !== "Rprop") {
        assertEquals(others, ends, "a function is the same");
      }
      for (const [group, end_] of (await end(constant)).entries()) {
        assert(end_.some((x, i) => x !== ends[group]![i]), "the rate matters");
      }
    },
    { only: ["cpu"] },
  );

  onEachBackend(`${name} changes nothing while its rate is 0`, async () => {
    const scheduler = new WarmupScheduler({ baseLr: 0.1, warmupEpochs: 3 });
    const run = start(make, name, { lr: scheduler });
    step(run, 0);
    const before = [values(100), values(101)].map((x) => x.map(Math.fround));
    const data = await Promise.all(run.params.map((p) => p.value.data()));
    assertEquals(data.map((x) => [...x]), before);
    scheduler.step();
    // Rprop stays where it is while a gradient changes its sign.
    for (const t of [1, 2, 3]) step(run, t);
    const after = await end(run);
    assert(after.every((x, i) => x.some((y, j) => y !== before[i]![j])));
  }, { only: ["cpu"] });
}
