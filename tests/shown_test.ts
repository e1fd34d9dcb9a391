/** What `console.log` shows, in Deno and in Node. */
import { assertEquals } from "@std/assert";
import { inspect } from "node:util";
import {
  nn,
  optim,
  ParamState,
  random,
  RandomState,
  State,
  tf,
  train,
  useBackend,
} from "../mod.ts";

function shows(x: object, text: string) {
  assertEquals(Deno.inspect(x), text);
  assertEquals(inspect(x), text);
}

Deno.test("a state shows its class, its tensor and whether it is frozen", async () => {
  await useBackend("cpu");
  const w = new ParamState(tf.tensor2d([[1, 0.1], [1 / 3, -1e-9]]));
  shows(w, "ParamState float32 [2, 2] [[1, 0.1], [0.333333, -1e-9]]");
  w.frozen = true;
  shows(w, "ParamState (frozen) float32 [2, 2] [[1, 0.1], [0.333333, -1e-9]]");
  w.dispose();
  shows(w, "ParamState (disposed)");
  shows(new State(tf.zeros([65])), "State float32 [65]");
  shows(new State(tf.zeros([0, 3])), "State float32 [0, 3]");
  shows(new State(tf.scalar(2, "int32")), "State int32 [] 2");
  shows(new State("a"), 'State "a"');
  shows(new random.RandomState(7), "RandomState { key: [7, 0], offset: 0 }");
  shows(State.prototype, "State.prototype");
  assertEquals(RandomState, random.RandomState);
});

Deno.test("a model shows its modules, the shapes of their states, and its size", async () => {
  await useBackend("cpu");
  const model = new nn.Sequential(
    new nn.Linear(2, 1000),
    nn.relu,
    new nn.Dropout(),
  );
  shows(
    model,
    [
      "Sequential",
      "  layers.0: Linear, weight [2, 1000], bias [1000]",
      "  layers.2: Dropout",
      "3,000 parameters",
    ].join("\n"),
  );
  class Lost extends nn.Module {
    readonly states_ = new Set([new State(1)]);
    override update() {}
  }
  assertEquals(Deno.inspect(new Lost()).startsWith("Lost (Cannot"), true);
});

Deno.test("an optimizer shows its groups, rates, options, slots and steps", async () => {
  await useBackend("cpu");
  const [a, b] = [new ParamState(tf.ones([3])), new ParamState(tf.ones([]))];
  const lr = new optim.StepLR({ baseLr: 0.1, stepSize: 1, gamma: 1 / 3 });
  const optimizer = new optim.AdamW({
    lr,
    betas: [0.9, 0.99],
    weightDecay: 0.01,
  });
  shows(optimizer, "AdamW after 0 steps, StepLR\n  no parameters");
  optimizer.registerTrainableWeights({ a });
  optimizer.addParamGroup({ b }, { weightDecay: 0 });
  optimizer.step({ a: tf.ones([3]), b: tf.ones([]) } as never);
  optimizer.lrScheduler.step();
  shows(
    optimizer,
    [
      "AdamW after 1 step, StepLR",
      "  group 0: 3 numbers in 1 parameter, lr: 0.0333333, betas: [0.9, 0.99], weightDecay: 0.01",
      "  group 1: 1 number in 1 parameter, lr: 0.0333333, betas: [0.9, 0.99], weightDecay: 0",
      "  slots: m, v",
    ].join("\n"),
  );
  shows(lr, "StepLR, epoch 1, lr: 0.0333333, 0.0333333");
});

Deno.test("an average of weights shows its class, its states and its updates", async () => {
  await useBackend("cpu");
  const model = new nn.Linear(2, 3);
  const average = new train.ExponentialMovingAverage(model.states(ParamState));
  average.update();
  shows(average, "ExponentialMovingAverage of 2 states after 1 update");
  average.dispose();
  shows(
    train.ExponentialMovingAverage.prototype,
    "ExponentialMovingAverage.prototype",
  );
});
