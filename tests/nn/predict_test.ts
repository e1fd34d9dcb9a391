/** Predictions in batches. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { grad } from "../../autodiff/mod.ts";
import * as nn from "../../nn/mod.ts";
import { environ } from "../../environ.ts";
import * as random from "../../random.ts";
import { ParamState } from "../../state.ts";
import * as tf from "../../tf.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";

/** Training and prediction differ in it, and it notes the sizes of its batches. */
class Net extends nn.Module {
  readonly sizes: number[] = [];
  readonly first = new nn.Linear(3, 4);
  readonly norm = new nn.BatchNorm0d(4);
  readonly drop = new nn.Dropout<tf.Tensor2D>();
  override update(x: tf.Tensor2D, y: tf.Tensor2D = x) {
    this.sizes.push(x.shape[0]);
    const hidden = this.drop.call(this.norm.call(this.first.call(x)));
    return { hidden, parts: [tf.add(x, y), tf.sum(x, 1)] };
  }
}

onEachBackend(
  "predict gives what call gives with fit false, whatever the size of its batches",
  async (backend) => {
    random.seed(3);
    const model = new Net();
    const predictInSevens = nn.predictor(model, { batchSize: 7 });
    const tolerance = backend === "webgpu" ? 1e-5 : 1e-6;
    for (const count of [0, 1, 7, 20, 256, 600]) {
      const x = random.normal<tf.Rank.R2>([count, 3]);
      const y = tf.ones<tf.Rank.R2>([count, 3]);
      const right = environ.context({ fit: false }, () => model.call(x, y));
      for (const fit of [true, false]) {
        environ.set({ fit });
        try {
          for (const predict of [predictInSevens, model.predict.bind(model)]) {
            await assertNoLeak(async () => {
              const seen = predict(x, y);
              for (
                const [a, b] of [
                  [seen.hidden, right.hidden],
                  [seen.parts[0]!, right.parts[0]!],
                  [seen.parts[1]!, right.parts[1]!],
                ] as const
              ) {
                assertEquals([a.shape, a.dtype], [b.shape, b.dtype]);
                const [p, q] = [await a.data(), await b.data()];
                assert(p.every((v, i) => Math.abs(v - q[i]!) <= tolerance));
              }
              tf.dispose(seen);
            });
          }
        } finally {
          environ.set({ fit: undefined });
        }
      }
      tf.dispose([x, y, right]);
    }
    model.sizes.length = 0;
    const x = tf.zeros<tf.Rank.R2>([600, 3]);
    tf.dispose(model.predict(x));
    assertEquals(model.sizes, [256, 256, 88]);
    x.dispose();
    model.dispose();
  },
);

onEachBackend(
  "what is predicted inside of a gradient is a constant to it",
  async () => {
    const model = new nn.Linear(2, 1);
    const slope = grad(
      (x: tf.Tensor2D) =>
        tf.add<tf.Scalar>(
          tf.sum(model.predict(x)),
          tf.sum(model.weight.value),
        ),
      { states: model.states(ParamState) },
    );
    const grads = slope(tf.ones([5, 2]));
    assertEquals([...await grads["weight"]!.data()], [1, 1]);
    assertEquals([...await grads["bias"]!.data()], [0]);
    tf.dispose(grads);
    model.dispose();
  },
);

onEachBackend(
  "examples that do not match, or that are lost on the way, are refused",
  () => {
    class Sum extends nn.Module {
      override update(x: tf.Tensor, y: tf.Tensor = x) {
        return tf.sum(tf.mul(x, y));
      }
    }
    const model = new Sum();
    assertThrows(
      () => model.predict(tf.ones([5, 2]), tf.ones([4, 2])),
      RangeError,
      "Cannot predict: the first axis of each tensor must count the examples, which are 5: current shape is [4,2]",
    );
    assertThrows(() => model.predict(tf.scalar(1)), RangeError, "[]");
    assertThrows(
      () => model.predict(tf.ones([300, 2])),
      RangeError,
      "the first axis of what the model returns must count the examples, which are 256: current shape is []",
    );
    assertEquals(model.predict(tf.ones([3, 2])).dataSync()[0], 6);
    const wrong = { batchSize: 0 };
    assertThrows(() => nn.predictor(model, wrong), RangeError, "batchSize");
    assertThrows(
      () => nn.predictor(model, { batch: 3 } as object),
      TypeError,
      "batchSize",
    );
  },
  { only: ["cpu"] },
);

/** Prints how often its gradients, of which two set `fit` and two do not, warn. */
const GRADIENTS = `
import { environ, nn, tf, useBackend } from "${
  import.meta.resolve("../../mod.ts")
}";
await useBackend("cpu");
const said = [];
console.warn = (text) => said.push(text);
const layer = new nn.Dropout();
const slope = tf.grad((x) => tf.sum(layer.call(x)));
for (const fit of [true, false]) environ.context({ fit }, () => slope(tf.ones([2])));
const before = said.length;
layer.call(tf.ones([2]));
slope(tf.ones([2]));
slope(tf.ones([2]));
console.log(JSON.stringify([before, said]));
`;

Deno.test("a gradient of a model that predicts for want of a setting is told of once", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--ext=js", GRADIENTS],
    cwd: new URL("../../", import.meta.url),
  }).output();
  const [before, said] = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals([before, said.length], [0, 1]);
  assertEquals(said[0].includes("environ.context({ fit: true }"), true);
});
