import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertThrows,
} from "@std/assert";
import {
  autodiff,
  nn,
  optim,
  ParamState,
  random,
  scope,
  tf,
  train,
  useBackend,
} from "../mod.ts";
import { BACKENDS, FULL, numbers, onEachBackend } from "./_backends.ts";

// The example at the beginning of the README.
class Mlp extends nn.Module {
  readonly hidden = new nn.Linear(784, 256);
  readonly out = new nn.Linear(256, 10);
  override update(x: tf.Tensor2D): tf.Tensor2D {
    return this.out.call(tf.relu(this.hidden.call(x)));
  }
}

onEachBackend("the example of the design trains", async () => {
  random.seed(0);
  const batches = scope(() =>
    Array.from({ length: 3 }, (): [tf.Tensor2D, tf.Tensor1D] => [
      random.normal([8, 784]) as tf.Tensor2D,
      tf.tensor1d([0, 1, 2, 3, 4, 5, 6, 7], "int32"),
    ])
  );

  const model = new Mlp();
  const params = model.states(ParamState); // { "hidden.weight": ParamState, ... }
  const optimizer = new optim.AdamW({
    lr: new optim.CosineAnnealingLR({ baseLr: 1e-3, tMax: 1000 }),
    weightDecay: 0.01,
    gradClipNorm: 1,
  }).registerTrainableWeights(params);

  const lossGrad = autodiff.grad(
    (x: tf.Tensor2D, y: tf.Tensor1D) =>
      tf.mean<tf.Scalar>(nn.softmaxCrossEntropy(model.call(x), y)),
    { states: params, returnValue: true },
  );

  const losses: number[] = [];
  for (const [x, y] of [...batches, ...batches]) {
    const [grads, loss] = lossGrad(x, y); // grads has the keys of params
    assertEquals(Object.keys(grads), Object.keys(params));
    optimizer.step(grads); // frees grads
    optimizer.lrScheduler.step();
    losses.push(...await numbers(loss));
    loss.dispose();
  }
  assertEquals(losses.length, 6);
  for (let i = 0; i < 3; i++) assert(losses[i + 3]! < losses[i]!, `${losses}`);
  tf.dispose(batches);
  optimizer.dispose();
  model.dispose();
});

/** A small network, its optimizer and data, all from one seed. */
function setUp(seed: number) {
  random.seed(seed);
  const model = new nn.Sequential(
    new nn.Linear(6, 16),
    new nn.Tanh(),
    new nn.Linear(16, 3),
  );
  const params = model.states(ParamState);
  const optimizer = new optim.AdamW({
    lr: new optim.OneCycleLR({ maxLr: 0.02, totalSteps: 2000 }),
    eps: 1e-4,
    gradClipNorm: 1,
  }).registerTrainableWeights(params);
  const x = random.normal([24, 6]) as tf.Tensor2D;
  const y = tf.tensor1d(
    Array.from({ length: 24 }, (_, i) => (i * 7) % 3),
    "int32",
  );
  const lossGrad = autodiff.grad(
    () => tf.mean<tf.Scalar>(nn.softmaxCrossEntropy(model.call(x), y)),
    { states: params, returnValue: true },
  );
  return {
    model,
    optimizer,
    step(): tf.Scalar {
      const [grads, loss] = lossGrad();
      optimizer.step(grads);
      optimizer.lrScheduler.step();
      return loss;
    },
    dispose() {
      tf.dispose([x, y]);
      optimizer.dispose();
      model.dispose();
    },
  };
}

async function run(seed: number, steps: number): Promise<number[]> {
  const { step, dispose } = setUp(seed);
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const loss = step();
    losses.push(...await numbers(loss));
    loss.dispose();
  }
  dispose();
  return losses;
}

onEachBackend("the same seed gives the same losses, bit for bit", async () => {
  const first = await run(1, 20);
  assertEquals(await run(1, 20), first);
  const other = await run(2, 20);
  assert(other.some((loss, i) => loss !== first[i]));
});

Deno.test({
  name: "backends agree within 1e-4 after 20 steps",
  sanitizeResources: false,
  sanitizeOps: false,
  fn: async () => {
    const results: number[][] = [];
    for (const backend of BACKENDS) {
      for (const threads of backend === "wasm" ? [1, 2] : [1]) {
        await useBackend(backend, { threads });
        results.push(await run(3, 20));
      }
    }
    await useBackend("wasm", { threads: 1 });
    const [reference, ...others] = results as [number[], ...number[][]];
    assert(reference[19]! < reference[0]!);
    for (const losses of others) {
      losses.forEach((loss, i) =>
        assertAlmostEquals(loss, reference[i]!, 1e-4)
      );
    }
  },
});

onEachBackend(
  "a thousand steps leave as many tensors as two",
  (backend) => {
    const steps = backend === "webgpu" && !FULL ? 100 : 1000;
    const { step, dispose } = setUp(4);
    for (let i = 0; i < 2; i++) step().dispose();
    const { numTensors, numDataBuffers } = tf.memory();
    for (let i = 2; i < steps; i++) step().dispose();
    assertEquals(tf.memory().numTensors, numTensors);
    assertEquals(tf.memory().numDataBuffers, numDataBuffers);
    dispose();
  },
);

onEachBackend(
  "a throw inside the loss leaves no tensor and no changed state",
  async () => {
    using model = new nn.Linear(3, 2);
    const params = model.states(ParamState);
    const before = await numbers(params["weight"]!.value);
    const x = tf.ones([4, 3]) as tf.Tensor2D;
    const { numTensors } = tf.memory();
    const gradient = autodiff.grad(() => {
      const y = tf.sum(tf.square(model.call(x)));
      params["weight"]!.value = tf.mul(params["weight"]!.value, 2);
      if (y.rank === 0) throw new Error("stop");
      return y;
    }, { states: params });
    for (let i = 0; i < 3; i++) assertThrows(() => gradient(), Error, "stop");
    assertEquals(tf.memory().numTensors, numTensors);
    assertEquals(await numbers(params["weight"]!.value), before);
    x.dispose();
  },
);

onEachBackend(
  "a step of the loop in the README is a call of train.step",
  async () => {
    random.seed(5);
    using model = new nn.Linear(3, 2);
    using optimizer = new optim.SGD({ lr: 0.1 })
      .registerTrainableWeights(model.states(ParamState));
    const step = train.step(
      (x: tf.Tensor2D, y: tf.Tensor1D) =>
        tf.mean<tf.Scalar>(nn.softmaxCrossEntropy(model.call(x), y)),
      optimizer,
    );
    const x = random.normal([6, 3]) as tf.Tensor2D;
    const y = tf.tensor1d([0, 1, 0, 1, 0, 1], "int32");
    const losses: number[] = [];
    for (let i = 0; i < 5; i++) {
      const loss = step(x, y);
      losses.push(...await numbers(loss));
      loss.dispose();
    }
    assert(losses[4]! < losses[0]!);
    tf.dispose([x, y]);
  },
  { only: ["cpu", "wasm"] },
);
