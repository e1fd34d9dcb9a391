/** Embeddings that write their weight, and that divide gradients. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import {
  autodiff,
  compile,
  nn,
  optim,
  ParamState,
  random,
  scope,
} from "../../mod.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";
import { assertClose } from "./_close.ts";

const indices = (...values: number[]) => tf.tensor1d(values, "int32");

/** Rows of norms 5, 10 and 15. */
const rows = () => tf.tensor2d([[3, 4], [6, 8], [9, 12]]);

onEachBackend(
  "the first call writes the rows it looks up, and the gradient is that of the rows as they are then",
  async () => {
    const embedding = scope(() =>
      nn.Embedding.fromPretrained(rows(), { maxNorm: 1 })
    );
    const states = embedding.states(ParamState);
    const square = () =>
      tf.sum<tf.Scalar>(tf.square(embedding.call(indices(2, 0, 2))));
    const { weight } = autodiff.grad(square, { states })();
    const unit = [0.6, 0.8], written = [...unit, 6, 8, ...unit];
    await assertClose(
      embedding.weight.value,
      tf.tensor2d(written, [3, 2]),
      1e-6,
      "weight",
    );
    const twice = [1.2, 1.6, 0, 0, 2.4, 3.2];
    await assertClose(weight!, tf.tensor2d(twice, [3, 2]), 1e-6, "gradient");
  },
);

onEachBackend(
  "gradients flow through every call of an embedding that writes its weight",
  async () => {
    const embedding = scope(() =>
      nn.Embedding.fromPretrained(rows(), { maxNorm: 1 })
    );
    const sum = () =>
      tf.sum<tf.Scalar>(
        tf.add(embedding.call(indices(0)), embedding.call(indices(1))),
      );
    const { weight } = autodiff.grad(sum, {
      states: embedding.states(ParamState),
    })();
    assertEquals(await numbers(weight!), [1, 1, 1, 1, 0, 0]);
  },
);

onEachBackend(
  "norms of order 1, 3 and Infinity are those of the rows",
  async () => {
    for (
      const [normType, norm] of [
        [1, 7],
        [3, Math.cbrt(27 + 64)],
        [Infinity, 4],
      ] as const
    ) {
      const embedding = scope(() =>
        nn.Embedding.fromPretrained(rows(), { maxNorm: 2, normType })
      );
      const expected = tf.mul(tf.tensor2d([[3, 4]]), 2 / norm);
      await assertClose(
        embedding.call(indices(0)),
        expected,
        1e-6,
        `${normType}`,
      );
    }
  },
);

onEachBackend("a call that fails writes nothing", async (backend) => {
  const embedding = scope(() =>
    nn.Embedding.fromPretrained(rows(), { maxNorm: 1 })
  );
  const states = embedding.states(ParamState);
  const before = await numbers(embedding.weight.value);
  if (backend !== "webgpu") { // which cannot read indices
    assertThrows(() => embedding.call(indices(0, 3)), RangeError);
    assertEquals(await numbers(embedding.weight.value), before);
  }
  const fails = autodiff.grad(() => {
    embedding.call(indices(0));
    throw new Error("later");
  }, { states });
  assertThrows(() => fails(), Error, "later");
  assertEquals(await numbers(embedding.weight.value), before);
});

onEachBackend(
  "embeddings of all options train compiled as eager, to the bit, without leaks",
  async (backend) => {
    const batches = [[1, 0, 1], [3, 3, 3], [2, 1, 0], [1, 1, 3], [0, 2, 2]];
    const train = async (isCompiled: boolean) => {
      random.seed(1);
      const embedding = new nn.Embedding(4, 3, {
        maxNorm: 0.9,
        normType: 3,
        scaleGradByFreq: true,
        paddingIdx: 2,
      });
      const states = embedding.states(ParamState);
      const optimizer = new optim.Adam({ lr: 0.3 })
        .registerTrainableWeights(states);
      const grad = autodiff.grad(
        (tokens: tf.Tensor) =>
          tf.mean<tf.Scalar>(tf.square(tf.sub(embedding.call(tokens), 1))),
        { states },
      );
      const step = (tokens: tf.Tensor) => {
        const y = scope(() => tf.sum(embedding.call(tokens)));
        optimizer.step(grad(tokens));
        return y;
      };
      const compiled = compile(step);
      const run = isCompiled ? compiled : step;
      const sums: number[] = [];
      for (const batch of batches) {
        const tokens = indices(...batch);
        const y = run(tokens);
        sums.push(...await numbers(y));
        tf.dispose([tokens, y]);
      }
      const tokens = indices(0, 1, 3);
      await assertNoLeak(() => run(tokens).dispose());
      if (isCompiled) {
        assert(backend === "cpu" || compiled.report().replayed >= 3);
      }
      return [...sums, ...await numbers(embedding.weight.value)];
    };
    assertEquals(await train(true), await train(false));
  },
);

onEachBackend("an embedding of given vectors takes no initializer", () => {
  const weight = tf.ones<tf.Rank.R2>([2, 3]);
  assertThrows(
    () =>
      nn.Embedding.fromPretrained(
        weight,
        { weightInit: new nn.init.One() } as never,
      ),
    TypeError,
    'there is no option "weightInit"',
  );
}, { only: ["cpu"] });
