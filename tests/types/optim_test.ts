/** What users of optimizers write compiles, and what is wrong does not. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { autodiff, nn, optim, ParamState } from "../../mod.ts";
import { onEachBackend } from "../_backends.ts";

const cpu = { only: ["cpu"] } as const;

onEachBackend("options are typed: what is misspelled does not compile", () => {
  const attempts = [
    // @ts-expect-error: the option is betas
    () => new optim.Adam({ beta1: 0.5 }),
    // @ts-expect-error: L-BFGS has no decay
    () => new optim.LBFGS({ weightDecay: 1 }),
    // @ts-expect-error: the option is tMax
    () => new optim.CosineAnnealingLR({ T_max: 3 }),
    // @ts-expect-error: betas are two
    () => new optim.Adam({ betas: [0.9] }),
    // @ts-expect-error: a rate is no text
    () => new optim.SGD({ lr: "0.1" }),
    // @ts-expect-error: there is no such variant
    () => new optim.Adam({ variant: "jax" }),
    // @ts-expect-error: totalSteps is a number
    () => new optim.OneCycleLR({ totalSteps: "9" }),
    // @ts-expect-error: schedulers are a list of schedulers
    () => new optim.ChainedScheduler({ schedulers: [0.1] }),
    // @ts-expect-error: it needs a base optimizer
    () => new optim.Lookahead({ syncPeriod: 3 }),
    // @ts-expect-error: it needs a base optimizer
    () => new optim.Cautious({ weightDecay: 0.1 }),
    // @ts-expect-error: a transformation is called first
    () => optim.chain(optim.trace),
    // @ts-expect-error: the limit is a number
    () => optim.clipByGlobalNorm({ maxNorm: 1 }),
  ];
  for (const attempt of attempts) assertThrows(attempt, Error);
  optim.elementwise({
    slots: { m: 0 },
    // @ts-expect-error: a slot is missing in the result
    update: ({ m }) => ({ update: m, n: m }),
  });
}, cpu);

onEachBackend("rates are read and set with their types", () => {
  const w = new ParamState(tf.scalar(1));
  const optimizer: optim.SGD = new optim.SGD({ lr: 0.1 })
    .registerTrainableWeights({ w });
  optimizer.lr = 0.2;
  const scheduler: optim.LRScheduler = optimizer.lr;
  optimizer.currentLr *= 2;
  for (const group of optimizer.paramGroups) group.lr /= 2;
  assertEquals(optimizer.currentLr, 0.2);
  assertEquals(optimizer.schedulers, [scheduler]);
  // @ts-expect-error: it is currentLr
  assertThrows(() => optimizer.learningRate = 0.1, TypeError);
  // @ts-expect-error: it is read-only
  assertThrows(() => optimizer.baseLr = 0.1, TypeError);
  // @ts-expect-error: gradients are tensors
  assertThrows(() => optimizer.step({ w: [1] }), TypeError);
  // @ts-expect-error: the option is keep
  assertThrows(() => optimizer.step({ w: tf.scalar(1) }, { kept: true }));
}, cpu);

onEachBackend(
  "a rule leaves out the slots and scalars it does not have",
  () => {
    const half = optim.elementwise({
      update: ({ update }) => ({ update: update.mul(0.5) }),
    });
    const counted = optim.elementwise({
      scalars: { t: ({ t }) => t },
      update: ({ update }, { t }) => ({ update: update.mul(t) }),
    });
    const summed = optim.elementwise({
      slots: { sum: 0 },
      update: ({ update, sum }) => ({ update, sum: sum.add(update) }),
    });
    const [updates] = half.update({ w: tf.scalar(4) }, half.init({}), {
      w: tf.scalar(0),
    });
    assertEquals(updates["w"]!.shape, []);
    assert(optim.chain(half, counted, summed).rule);
  },
  cpu,
);

onEachBackend("states of any filter are registered", () => {
  const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Linear(3, 1));
  for (
    const states of [
      model.states(),
      model.states(ParamState),
      model.states((path) => path.endsWith("weight")),
      model.states(nn.not(nn.frozen)),
    ]
  ) {
    const optimizer = new optim.Adam().registerTrainableWeights(states)
      .addParamGroup({ more: new ParamState(tf.scalar(0)) }, { lr: 0.1 });
    assert(Object.keys(optimizer.paramStates).length > 1);
  }
}, cpu);

onEachBackend("a class of its own types its options", () => {
  interface HalfOptions extends optim.OptimizerOptions {
    readonly factor?: number;
  }
  class Half extends optim.Optimizer<HalfOptions> {
    constructor(options: HalfOptions = {}) {
      super(options, ({ factor = 0.5 }) =>
        optim.chain(
          optim.elementwise({
            update: ({ update }) => ({ update: update.mul(factor) }),
          }),
          optim.scaleByLearningRate(),
        ));
    }
  }
  const w = new ParamState(tf.scalar(1));
  const half: Half = new Half({ lr: 1, factor: 0.25 })
    .registerTrainableWeights({ w });
  half.step({ w: tf.scalar(1) });
  assertEquals(half.paramGroups.length, 1);
  // @ts-expect-error: the option is factor
  new Half({ factors: 1 });
}, cpu);

/** What takes any optimizer. */
function stepAny(optimizer: optim.Optimizer, grads: optim.Tensors): void {
  optimizer.step(grads);
}

/** The same of a subclass that is not known. */
function stepEither<O extends optim.Optimizer>(
  optimizer: O,
  grads: optim.Tensors,
): void {
  optimizer.step(grads);
}

/** A subclass with steps of its own. */
class Counted extends optim.SGD {
  calls = 0;
  override step(grads: optim.Tensors, options?: optim.StepOptions): void {
    this.calls++;
    super.step(grads, options);
  }
}

onEachBackend(
  "a step takes gradients of the parameters that are registered",
  () => {
    const weight = new ParamState(tf.scalar(1)),
      bias = new ParamState(tf.scalar(1));
    const one = () => tf.scalar(1);
    const adam = new optim.AdamW({ lr: 0.1 }).registerTrainableWeights({
      weight,
      bias,
    });
    adam.step({ weight: one(), bias: one() });
    adam.step({ weight: one() });
    // @ts-expect-error: no parameter has that name
    assertThrows(() => adam.step({ nope: one() }), RangeError);
    // @ts-expect-error: nor has it one of these
    assertThrows(() => adam.step({ weight: one(), nope: one() }), RangeError);
    // @ts-expect-error: nor here
    assertThrows(() => adam.update({ nope: one() }), RangeError);
    const wrong = { nope: one() };
    // @ts-expect-error: nor has it those of a record
    assertThrows(() => adam.step(wrong), RangeError);

    // Gradients of the same record fit, and so does any optimizer where one is taken.
    const loss = () => tf.mul<tf.Scalar>(weight.value, bias.value);
    adam.step(autodiff.grad(loss, { states: { weight, bias } })());
    stepAny(adam, autodiff.grad(loss, { states: { weight, bias } })());
    stepEither(adam, { weight: one() });
    const counted = new Counted().registerTrainableWeights({ weight });
    counted.step({ weight: one() });
    counted.update({ weight: one() });
    assertEquals(counted.calls, 2);
    const plain: optim.AdamW = adam;
    const all: optim.Optimizer[] = [plain, adam];
    for (const any of all) any.step({ weight: one() });
    assertThrows(() => plain.step({ nope: one() }), RangeError);

    // Groups add their names.
    const other = new ParamState(tf.scalar(1));
    const both = adam.addParamGroup({ other }, { lr: 0.01 });
    both.step({ weight: one(), other: one() });
    // @ts-expect-error: no group has that name
    assertThrows(() => both.step({ others: one() }), RangeError);

    // Names that are known at run time only are checked there.
    const params: Record<string, ParamState> = { weight };
    const sgd = new optim.SGD().registerTrainableWeights(params);
    sgd.step({ weight: one() });
    assertThrows(() => sgd.step({ nope: one() }), RangeError);
    const model = new nn.Linear(2, 1);
    const states = model.states(ParamState);
    new optim.SGD().registerTrainableWeights(states).step({
      weight: tf.ones([2, 1]),
    });

    const lbfgs = new optim.LBFGS().registerTrainableWeights({ weight });
    lbfgs.step({ weight: one() });
    // @ts-expect-error: no parameter has that name
    assertThrows(() => lbfgs.step({ nope: one() }), RangeError);
  },
  cpu,
);
