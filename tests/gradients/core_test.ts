/**
 * What is wrong in tfjs-core on every backend, as a user meets it.
 *
 * @module
 */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import * as core from "@tensorflow/tfjs-core";
import { registerGradients } from "../../autodiff/gradients/mod.ts";
import * as tf from "../../tf.ts";
import { numbers, onEachBackend } from "../_backends.ts";

registerGradients();

// What we replace has the types of what it replaces.
tf satisfies Omit<typeof core, "default">;

Deno.test("registering gradients again changes nothing", () => {
  const before = core.getGradient("Add");
  registerGradients();
  assertEquals(core.getGradient("Add") === before, true);
});

Deno.test("gradients that others registered are replaced", () => {
  const ours = core.getGradient("Add");
  core.unregisterGradient("Add");
  core.registerGradient({
    kernelName: "Add",
    gradFunc: () => ({}),
  });
  registerGradients();
  assertEquals(core.getGradient("Add") === ours, true);
});

type Fn = (...xs: tf.Tensor[]) => tf.Tensor;

/** The gradient of Σ fn in each input, as lists. */
async function gradients(fn: Fn, ...xs: tf.Tensor[]): Promise<number[][]> {
  const { grads } = tf.engine().gradients(() => tf.sum(fn(...xs)), xs);
  return await Promise.all(grads.map(numbers));
}

function near(actual: number[], expected: number[], tolerance = 1e-5): void {
  assertEquals(actual.length, expected.length);
  actual.forEach((value, i) =>
    assertAlmostEquals(value, expected[i]!, tolerance)
  );
}

onEachBackend("cumsum along the first axis trains", async () => {
  const weights = tf.tensor2d([[1, 2], [3, 4]]);
  const [dx] = await gradients(
    (x) => tf.mul(tf.cumsum(x, 0), weights),
    tf.ones([2, 2]),
  );
  // Each value counts in its own row and in those below.
  near(dx!, [1 + 3, 2 + 4, 3, 4]);
});

onEachBackend("mirrorPad counts the values that it reflects", async () => {
  const [reflect] = await gradients(
    (x) => tf.mirrorPad(x, [[1, 1]], "reflect"),
    tf.ones([3]),
  );
  near(reflect!, [1, 3, 1]);
  const [symmetric] = await gradients(
    (x) => tf.mirrorPad(x, [[1, 2]], "symmetric"),
    tf.ones([3]),
  );
  near(symmetric!, [2, 2, 2]);
});

onEachBackend(
  "avgPool with padding divides as its forward does",
  async () => {
    // Each of the four windows averages all four values.
    const [dx] = await gradients(
      (x) => tf.avgPool(x as tf.Tensor4D, 3, 1, "same"),
      tf.ones([1, 2, 2, 1]),
    );
    near(dx!, [1, 1, 1, 1]);
    const [deep] = await gradients(
      (x) => tf.avgPool3d(x as tf.Tensor5D, 3, 1, "same"),
      tf.ones([1, 2, 2, 2, 1]),
    );
    near(deep!, Array(8).fill(1));
  },
);

onEachBackend(
  "maximum, minimum and squaredDifference broadcast",
  async () => {
    const a = tf.tensor1d([1, 2]);
    const b = tf.scalar(1.5);
    assertEquals(await gradients(tf.maximum, a, b), [[0, 1], [1]]);
    assertEquals(await gradients(tf.minimum, a, b), [[1, 0], [1]]);
    assertEquals(await gradients(tf.squaredDifference, a, b), [[-1, 1], [0]]);
  },
);

onEachBackend("matMul with one matrix for all batches trains", async () => {
  const a = tf.ones([3, 2, 2]);
  const b = tf.tensor2d([[1, 2], [3, 4]]);
  const [da, db] = await gradients(
    (a, b) => tf.matMul(a, b),
    a,
    b,
  );
  near(da!, [3, 7, 3, 7, 3, 7, 3, 7, 3, 7, 3, 7]);
  near(db!, [6, 6, 6, 6]);
});

onEachBackend("matMul broadcasts batches axis by axis", async () => {
  const a = tf.tensor4d([1, 2, 3], [3, 1, 1, 1]);
  const y = tf.matMul(a, tf.ones([3, 2, 1, 1]));
  assertEquals(y.shape, [3, 2, 1, 1]);
  near(await numbers(y), [1, 1, 2, 2, 3, 3]);
  const z = tf.matMul(
    tf.tensor4d([1, 2], [2, 1, 1, 1]),
    tf.tensor4d([1, 10, 100], [1, 3, 1, 1]),
  );
  assertEquals(z.shape, [2, 3, 1, 1]);
  near(await numbers(z), [1, 10, 100, 2, 20, 200]);
  near(
    await numbers(tf.fused.matMul({ a, b: tf.ones([3, 2, 1, 1]) })),
    [1, 1, 2, 2, 3, 3],
  );
});

onEachBackend("prelu trains an alpha of more axes than x", async () => {
  const [dx, dalpha] = await gradients(
    tf.prelu as Fn,
    tf.tensor1d([-1, 2]),
    tf.tensor2d([[0.1, 0.2], [0.3, 0.4]]),
  );
  near(dx!, [0.4, 2]);
  near(dalpha!, [-1, 0, -1, 0]);
});

onEachBackend("batchNorm trains without scale and offset", async () => {
  const [dx, dmean, dvariance] = await gradients(
    (x, mean, variance) =>
      tf.batchNorm(x, mean, variance, undefined, undefined, 0),
    tf.tensor2d([[1, 2], [3, 6]]),
    tf.tensor1d([0, 1]),
    tf.tensor1d([4, 1]),
  );
  near(dx!, [0.5, 1, 0.5, 1]);
  near(dmean!, [-1, -2]);
  // -Σ (x - mean) / 2 variance^1.5
  near(dvariance!, [-4 / 16, -6 / 2]);
});

onEachBackend("prod along a negative axis trains", async () => {
  const [dx] = await gradients(
    (x) => tf.prod(x, -1),
    tf.tensor2d([[1, 2, 3], [4, 0, 5]]),
  );
  near(dx!, [6, 3, 2, 0, 20, 0]);
});

onEachBackend(
  "splitting and unstacking into one piece trains",
  async () => {
    const x = tf.tensor2d([[1, 2]]);
    const [split] = await gradients((x) => tf.square(tf.split(x, 1)[0]!), x);
    near(split!, [2, 4]);
    const [unstacked] = await gradients((x) => tf.square(tf.unstack(x)[0]!), x);
    near(unstacked!, [2, 4]);
  },
);

onEachBackend(
  "tile, broadcastTo and where train at ranks 0, 5 and 6",
  async () => {
    const five = tf.ones([1, 2, 1, 1, 1]);
    const [tiled] = await gradients((x) => tf.tile(x, [3, 1, 1, 2, 1]), five);
    near(tiled!, [6, 6]);
    const [spread] = await gradients(
      (x) => tf.broadcastTo(x, [2, 2, 1, 3, 1, 1]),
      tf.ones([1, 2, 1, 1, 1, 1]),
    );
    near(spread!, [6, 6]);
    const condition = tf.tensor([1, 0], [1, 2, 1, 1, 1], "bool");
    const [chosen] = await gradients(
      (x) => tf.where(condition, x, tf.zerosLike(x)),
      five,
    );
    near(chosen!, [1, 0]);
    const [scalar] = await gradients(
      (x) => tf.where(tf.greater(x, 0), tf.square(x), x),
      tf.scalar(3),
    );
    near(scalar!, [6]);
  },
);

onEachBackend("dilated convolutions train", async () => {
  // Each of [1, 2] meets two of x = 0, 1, 2, 3, two places apart.
  const [dx, dw] = await gradients(
    (x, w) =>
      tf.conv1d(x as tf.Tensor3D, w as tf.Tensor3D, 1, "valid", "NWC", 2),
    tf.tensor3d([0, 1, 2, 3], [1, 4, 1]),
    tf.tensor3d([1, 2], [2, 1, 1]),
  );
  near(dx!, [1, 1, 2, 2]);
  near(dw!, [0 + 1, 2 + 3]);
  const image = tf.ones([1, 3, 3, 1]);
  const [wide, filter] = await gradients(
    (x, w) =>
      tf.depthwiseConv2d(
        x as tf.Tensor4D,
        w as tf.Tensor4D,
        1,
        "valid",
        "NHWC",
        2,
      ),
    image,
    tf.tensor4d([1, 2, 3, 4], [2, 2, 1, 1]),
  );
  near(wide!, [1, 0, 2, 0, 0, 0, 3, 0, 4]);
  near(filter!, [1, 1, 1, 1]);
});

onEachBackend("gather with two batch dimensions trains", async () => {
  const [dx] = await gradients(
    (x) => tf.gather(x, tf.tensor3d([0, 0, 2, 1], [1, 2, 2], "int32"), 2, 2),
    tf.ones([1, 2, 3]),
  );
  near(dx!, [2, 0, 0, 0, 1, 1]);
});

onEachBackend("empty tensors broadcast in gradients", async () => {
  for (const op of [tf.add, tf.sub, tf.mul, tf.div, tf.maximum] as Fn[]) {
    const [da, db] = await gradients(op, tf.zeros([2, 0]), tf.ones([1]));
    assertEquals(da, []);
    near(db!, [0]);
  }
});

onEachBackend("softmaxCrossEntropy takes labels of any sum", async () => {
  const [, dlogits] = await gradients(
    (labels, logits) => tf.losses.softmaxCrossEntropy(labels!, logits!),
    tf.tensor2d([[2, 0]]),
    tf.tensor2d([[0, 0]]),
  );
  // 2 softmax - labels
  near(dlogits!, [-1, 1]);
});

onEachBackend(
  "tf.norm and tf.sqrt stay as in TensorFlow at zero",
  async () => {
    const [dx] = await gradients(tf.sqrt as Fn, tf.zeros([1]));
    assertEquals(dx, [Infinity]);
    const [norm] = await gradients((x) => tf.norm(x), tf.tensor1d([3, 4]));
    near(norm!, [0.6, 0.8]);
  },
);

onEachBackend("resizing images that are not square trains", async () => {
  const image = tf.ones([1, 2, 4, 1]);
  // Every place of the output reads with weights that sum to one.
  for (const size of [[2, 2], [3, 5], [1, 7]] as [number, number][]) {
    const resize = [tf.image.resizeBilinear, tf.image.resizeNearestNeighbor];
    for (const op of resize) {
      const [dx] = await gradients((x) => op(x as tf.Tensor4D, size), image);
      assertAlmostEquals(
        dx!.reduce((a, b) => a + b),
        size[0] * size[1],
        1e-4,
      );
    }
  }
  const [dx] = await gradients(
    (x) => tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [4, 4]),
    image,
  );
  near(dx!, Array(8).fill(2));
});

onEachBackend("comparisons inside where train", async () => {
  const x = tf.tensor1d([-1, 2]);
  const y = tf.scalar(0);
  const tests = [tf, core].flatMap((tf) => [
    tf.greater,
    tf.greaterEqual,
    tf.less,
    tf.lessEqual,
    tf.equal,
    tf.notEqual,
  ]);
  for (const test of tests) {
    const [dx] = await gradients(
      (x) => tf.where(test(x, y), tf.mul(x, 2), tf.mul(x, 2)),
      x,
    );
    near(dx!, [2, 2]);
  }
  const [both] = await gradients((x) => {
    const inside = tf.logicalAnd(
      tf.greater(x, -2),
      tf.logicalNot(tf.less(x, 0)),
    );
    return tf.where(tf.logicalOr(inside, tf.equal(x, 7)), tf.square(x), x);
  }, x);
  near(both!, [1, 4]);
});

onEachBackend(
  "where does not let what it leaves out into the gradient",
  async () => {
    const x = tf.tensor1d([1, 2]);
    const [dx] = await gradients(
      (x) =>
        tf.mul(
          tf.where(tf.tensor1d([1, 0], "bool"), x, x),
          tf.tensor1d([3, Infinity]),
        ),
      x,
    );
    assertEquals(dx, [3, Infinity]);
  },
);

onEachBackend("ties of max share the gradient", async () => {
  const [dx] = await gradients((x) => tf.max(x), tf.tensor1d([2, 1, 2]));
  near(dx!, [0.5, 0, 0.5]);
});

onEachBackend(
  "negative axes of cumsum and cumprod count from the end",
  async () => {
    const x = tf.tensor2d([[1, 2], [3, 4]]);
    near(await numbers(tf.cumsum(x, -1)), [1, 3, 3, 7]);
    near(await numbers(tf.cumprod(x, -2)), [1, 2, 3, 8]);
  },
);

onEachBackend(
  "stridedSlice drops one axis and steps along another",
  async () => {
    const x = tf.reshape(tf.range(0, 20), [4, 5]);
    const y = tf.stridedSlice(x, [1, 0], [2, 5], [1, 2], 0, 0, 0, 0, 1);
    assertEquals(y.shape, [3]);
    near(await numbers(y), [5, 7, 9]);
  },
);

onEachBackend("einsum keeps labels that only one factor has", async () => {
  const y = tf.einsum("ij,k->ik", tf.ones([2, 3]), tf.tensor1d([1, 2]));
  assertEquals(y.shape, [2, 2]);
  near(await numbers(y), [3, 6, 3, 6]);
});

onEachBackend("einsum never returns its input itself", async () => {
  const x = tf.tensor1d([1, 2]);
  tf.einsum("i->i", x).dispose();
  near(await numbers(x), [1, 2]);
});

onEachBackend("tensorScatterUpdate leaves its input as it is", async () => {
  const x = tf.tensor1d([1, 2, 3]);
  const indices = tf.tensor2d([[1]], [1, 1], "int32");
  const y = tf.tensorScatterUpdate(x, indices, tf.tensor1d([9]));
  near(await numbers(y), [1, 9, 3]);
  near(await numbers(x), [1, 2, 3]);
});

onEachBackend("logSigmoid trains where its input is freed early", async () => {
  const [dx] = await gradients(
    (x) => tf.tidy(() => tf.logSigmoid(tf.mul(x, 2))),
    tf.zeros([1]),
  );
  near(dx!, [1]);
});
