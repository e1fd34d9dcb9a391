/** What users write most compiles, and what is wrong does not: `deno check` tests it. */
import * as tf from "@tensorflow/tfjs-core";
import { assertEquals, assertThrows } from "@std/assert";
import {
  type AnyState,
  autodiff,
  BatchState,
  environ,
  nn,
  optim,
  ParamState,
  type States,
} from "../../mod.ts";
import { onEachBackend } from "../_backends.ts";

const cpu = { only: ["cpu"] } as const;

function evaluate<T>(fn: () => T): T {
  return environ.context({ fit: false }, fn);
}

/** Dropout, norms and activations between layers of rank 2, after `Flatten`. */
class Classifier extends nn.Module {
  readonly conv = new nn.Conv2d(1, 2, 3);
  readonly pool = new nn.MaxPool2d(2);
  readonly drop2d = new nn.Dropout2d();
  readonly act = new nn.LeakyReLU(0.2);
  readonly flatten = new nn.Flatten();
  readonly drop = new nn.Dropout({ rate: 0 });
  readonly hidden = new nn.Linear(8, 4);
  readonly norm = new nn.LayerNorm(4);
  readonly gelu = new nn.GELU({ approximate: true });
  readonly prelu = new nn.PReLU();
  readonly out = new nn.Linear(4, 2);
  override update(x: tf.Tensor4D): tf.Tensor2D {
    const maps: tf.Tensor4D = this.act.call(this.conv.call(x));
    const rows = this.drop.call(this.flatten.call(this.pool.call(maps)));
    const hidden = this.norm.call(this.hidden.call(rows));
    return this.out.call(this.prelu.call(this.gelu.call(hidden)));
  }
}

onEachBackend(
  "layers of any rank fit between others without type arguments",
  () => {
    const model = new Classifier();
    const y: tf.Tensor2D = evaluate(() => model.call(tf.ones([1, 4, 4, 1])));
    assertEquals(y.shape, [1, 2]);
    const rows = tf.ones<tf.Rank.R2>([2, 4]);
    const kept: tf.Tensor2D[] = [
      new nn.Identity().call(rows),
      evaluate(() => new nn.AlphaDropout().call(rows)),
      new nn.RMSNorm(4).call(rows),
      new nn.GroupNorm(4, { numGroups: 2 }).call(rows),
      new nn.InstanceNorm(4).call(rows),
      new nn.ReLU().call(rows),
      new nn.Softmax().call(rows),
      new nn.Hardtanh({ min: -2 }).call(rows),
      new nn.Threshold(0, 1).call(rows),
      new nn.GLU().call(rows),
    ];
    assertEquals(kept.map(({ rank }) => rank), kept.map(() => 2));
    // @ts-expect-error: a layer takes a tensor
    assertThrows(() => new nn.LayerNorm(4).call([[1, 2, 3, 4]]));
    // @ts-expect-error: of rank 2
    assertThrows(() => new nn.Linear(4, 2).call(tf.ones([1, 2, 3] as const)));
    // @ts-expect-error: a convolution of images takes rank 4
    assertThrows(() => new nn.Conv2d(4, 2, 3).call(rows));
  },
  cpu,
);

onEachBackend(
  "Sequential takes modules and functions, and builds ready layers",
  () => {
    const model = new nn.Sequential<tf.Tensor2D, tf.Tensor2D>(
      new nn.Linear(2, 3),
      new nn.Dropout({ rate: 0 }),
      new nn.GELU(),
      nn.relu,
      (x: tf.Tensor2D) => nn.leakyRelu(x, 0.2),
      new nn.Flatten(),
      new nn.Dropout({ rate: 0 }),
      new nn.Linear(3, 1),
    );
    const y: tf.Tensor2D = evaluate(() => model.call(tf.ones([4, 2])));
    const built = nn.Sequential.build<tf.Tensor4D, tf.Tensor2D>(
      [4, 4, 1],
      (size) => new nn.Conv2d(size, 2, 3),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      () => nn.tanh,
      new nn.Flatten(),
      (size) => new nn.Linear(size, 10),
    );
    assertEquals([y.shape, built.outSize([4, 4, 1])], [[4, 1], [10]]);
    const z: tf.Tensor2D = built.call(tf.ones([1, 4, 4, 1]));
    assertEquals(z.shape, [1, 10]);
    // Without types, a function of tensors is taken for a layer too.
    const build = nn.Sequential.build as (...args: unknown[]) => nn.Sequential;
    const functions = build([3], nn.relu, tf.tanh, new nn.Linear(3, 2));
    assertEquals(functions.call(tf.ones([1, 3])).shape, [1, 2]);
    // @ts-expect-error: a string is no layer
    assertThrows(() => nn.Sequential.build([3], "relu"), TypeError, "layers.0");
    assertThrows(
      // @ts-expect-error: nor is a number
      () => new nn.Sequential(new nn.Linear(2, 3), 3),
      TypeError,
      "layers.1",
    );
    assertThrows(
      () => nn.Sequential.build([3], new nn.ReLU(), new nn.Linear(4, 2)),
      RangeError,
      "layers.1",
    );
  },
  cpu,
);

onEachBackend(
  "states that a predicate selects go into grad and into an optimizer",
  () => {
    const model = new nn.Sequential<tf.Tensor2D, tf.Tensor2D>(
      new nn.Linear(2, 3),
      new nn.Linear(3, 1),
    );
    const head = model.states((path) => path.startsWith("layers.1"));
    const x = tf.ones<tf.Rank.R2>([1, 2]);
    const loss = () => tf.sum<tf.Scalar>(model.call(x));
    const optimizer = new optim.SGD({ lr: 0.1 }).registerTrainableWeights(head);
    optimizer.step(autodiff.grad(loss, { states: head })());
    const guarded: States<ParamState> = model.states(
      (_path: string, state: AnyState): state is ParamState =>
        state instanceof ParamState,
    );
    const both: States<ParamState> = model.states(
      nn.all(ParamState, nn.not(nn.frozen)),
    );
    const [params, others]: [States<ParamState>, States] = model.states(
      ParamState,
      nn.not(ParamState),
    );
    new optim.Adam().registerTrainableWeights(guarded);
    new optim.Adam().registerTrainableWeights(both);
    new optim.Adam().registerTrainableWeights(model.states(nn.any(ParamState)));
    assertEquals(Object.keys(params).length + Object.keys(others).length, 4);
    const statistics: States<BatchState<unknown>> = model.states(BatchState);
    assertEquals(statistics, {});
    // @ts-expect-error: not every state is a parameter
    const wrong: States<ParamState> = model.states();
    assertEquals(Object.keys(wrong).length, 4);
  },
  cpu,
);

onEachBackend("results of grad have the structure of its options", () => {
  const layer = new nn.Linear(2, 1);
  const x = tf.ones<tf.Rank.R2>([3, 2]);
  const [grads, loss, aux] = autodiff.grad(
    (x: tf.Tensor2D) => [tf.sum<tf.Scalar>(layer.call(x)), 3] as const,
    { states: { w: layer.weight }, returnValue: true, hasAux: true },
  )(x);
  const dw: tf.Tensor2D = grads.w;
  const value: tf.Scalar = loss;
  const three: 3 = aux;
  assertEquals([dw.shape, value.shape, three], [[2, 1], [], 3]);
  const mean: tf.Scalar = nn.squaredError(x, x, { reduction: "mean" });
  const each: tf.Tensor = nn.huberLoss(x, x, { delta: 2 });
  assertEquals([mean.rank, each.rank], [0, 2]);
  // @ts-expect-error: an option that does not exist
  assertThrows(() => nn.squaredError(x, x, { reduce: "mean" }), TypeError);
  // @ts-expect-error: an option that does not exist
  assertThrows(() => new nn.Dropout({ p: 0.9 }), TypeError, '"p"');
  // @ts-expect-error: an option that does not exist
  assertThrows(() => new nn.Linear(2, 3, { useBias: false }), TypeError);
  // @ts-expect-error: a reduction that does not exist
  assertThrows(() => nn.nllLoss(x, x, { reduction: "average" }), RangeError);
  // @ts-expect-error: there is no gradient of that name
  assertEquals(grads.wieght, undefined);
}, cpu);
