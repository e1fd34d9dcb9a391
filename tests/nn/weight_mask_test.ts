/** Masks of weights. */
import { assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import {
  autodiff,
  compile,
  LongTermState,
  nn,
  optim,
  ParamState,
  random,
  scope,
} from "../../mod.ts";
import { torchLayout } from "../../models/mod.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

type Options = nn.MaskedWeightOptions;

const layers: Record<
  string,
  {
    make: (options: Options) => nn.Linear | nn.Conv1d | nn.ConvTranspose3d;
    input: number[];
  }
> = {
  Linear: { make: (o) => new nn.Linear<tf.Tensor2D>(3, 2, o), input: [4, 3] },
  Conv1d: {
    make: (o) => new nn.Conv1d(2, 4, 3, { ...o, groups: 2 }),
    input: [1, 5, 2],
  },
  ConvTranspose3d: {
    make: (o) => new nn.ConvTranspose3d(1, 2, 2, o),
    input: [1, 2, 2, 2, 1],
  },
};

for (const [name, { make, input }] of Object.entries(layers)) {
  onEachBackend(
    `where its mask is 0, the weight of ${name} changes nothing and is not trained, compiled or not`,
    async (backend) => {
      const x = random.normal(input, { random: new random.RandomState(1) });
      const { shape } = make({}).weight;
      const ones = Array.from(
        { length: shape.reduce((a, b) => a * b) },
        (_, i) => i % 3 === 0 ? 0 : 1,
      );
      const weightMask = tf.tensor(ones, shape, "bool");
      const train = async (isCompiled: boolean) => {
        const layer = make({ weightMask, random: new random.RandomState(2) });
        const before = await numbers(layer.weight.value);
        const states = layer.states(ParamState);
        const optimizer = new optim.SGD({ lr: 0.1 })
          .registerTrainableWeights(states);
        const grad = autodiff.grad(
          (x: tf.Tensor) =>
            tf.mean<tf.Scalar>(tf.square(tf.sub(layer.call(x as never), 1))),
          { states },
        );
        const step = (x: tf.Tensor) => optimizer.step(grad(x));
        const compiled = compile(step);
        for (let i = 0; i < 4; i++) (isCompiled ? compiled : step)(x);
        await assertNoLeak(() => step(x));
        if (isCompiled && backend !== "cpu") {
          assertEquals(compiled.report().replayed, 2);
        }
        const after = await numbers(layer.weight.value);
        after.forEach((value, i) =>
          assertEquals(value === before[i], ones[i] === 0)
        );
        const y = await numbers(layer.call(x as never));
        scope(() => {
          const { weight } = layer as { weight: ParamState };
          const garbage = tf.mul(tf.sub(1, tf.cast(weightMask, "float32")), 9);
          weight.value = tf.add(weight.value, garbage);
        });
        assertEquals(await numbers(layer.call(x as never)), y);
        return y;
      };
      assertEquals(await train(true), await train(false));
    },
  );
}

onEachBackend(
  "a mask is saved with its layer, and lies in files of PyTorch as the weight does",
  async () => {
    const weightMask = tf.tensor2d([[1, 0, 1], [0, 1, 1]]);
    const make = (weightMask: tf.Tensor) =>
      new nn.Sequential(new nn.Linear(2, 3, { weightMask }));
    const model = make(weightMask);
    assertEquals(
      Object.keys(model.states(LongTermState)).toSorted(),
      ["bias", "weight", "weightMask"].map((name) => `layers.0.${name}`),
    );
    const other = make(tf.ones([2, 3]));
    nn.loadStateDict(other, nn.stateDict(model));
    const x = tf.ones<tf.Rank.R2>([1, 2]);
    assertEquals(
      await numbers(other.call(x) as tf.Tensor),
      await numbers(model.call(x) as tf.Tensor),
    );
    const map = torchLayout(model).map as (
      path: string,
      shape: number[],
    ) => object;
    const place = (name: string) => ({
      ...map(`layers.0.${name}`, [2, 3]),
      name: "",
    });
    assertEquals(place("weightMask"), place("weight"));
  },
  { only: ["cpu"] },
);

onEachBackend("what adds to a weight refuses one with a mask", () => {
  const linear = new nn.Linear(2, 2, { weightMask: tf.eye(2) });
  assertThrows(
    () => new nn.LoRA(linear, 1),
    RangeError,
    "Cannot create LoRA: base must be a Linear without weightMask",
  );
  const model = new nn.Sequential(new nn.Linear(2, 2), linear);
  assertThrows(
    () => nn.addLoRA(model),
    RangeError,
    "Cannot add LoRA: layers.1 must be without weightMask",
  );
  assertEquals(model.layers.at(-1), linear);
  assertEquals(linear.weight.frozen, false);
}, { only: ["cpu"] });
