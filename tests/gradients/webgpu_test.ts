/**
 * What is wrong in tfjs' WebGPU backend, as a user meets it: G1 to G4, and G6.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { registerGradients } from "../../autodiff/gradients/mod.ts";
import * as tf from "../../tf.ts";
import { numbers, onEachBackend } from "../_backends.ts";

registerGradients();

const only = ["webgpu"] as const;

onEachBackend(
  "G1: running sums from the end are right at every length",
  async () => {
    for (const length of [3, 5, 4]) {
      const ones = tf.add(tf.zeros([length]), tf.scalar(1));
      assertEquals(
        await numbers(tf.cumsum(ones, 0, false, true)),
        Array.from({ length }, (_, i) => length - i),
      );
      assertEquals(
        await numbers(tf.cumprod(tf.mul(ones, 2), 0, true, true)),
        Array.from({ length }, (_, i) => 2 ** (length - 1 - i)),
      );
    }
  },
  { only },
);

onEachBackend("G2: padding at rank 5 and 6 keeps the values", async () => {
  const x = tf.mul(tf.ones([1, 2, 1, 1, 2]), 3);
  const y = tf.pad(x, [[0, 0], [1, 0], [0, 0], [0, 0], [0, 1]], 7);
  assertEquals(y.shape, [1, 3, 1, 1, 3]);
  assertEquals(await numbers(y), [7, 7, 7, 3, 3, 7, 3, 3, 7]);
  const six = tf.pad(
    tf.mul(tf.ones([1, 1, 1, 1, 1, 2]), 3),
    [[0, 0], [0, 0], [0, 0], [0, 1], [0, 0], [0, 0]],
  );
  assertEquals(await numbers(six), [3, 3, 0, 0]);
}, { only });

onEachBackend("reversing and mirroring work at rank 5 and 6", async () => {
  for (const shape of [[2, 1, 3, 1, 2], [2, 1, 3, 1, 1, 2]]) {
    const x = tf.reshape(tf.range(0, 12), shape), last = shape.length - 1;
    assertEquals(
      await numbers(tf.reverse(x, [2, last])),
      [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6],
    );
    const pads = shape.map((_, i) => i === 2 ? [1, 0] : [0, 0]);
    for (
      const [mode, rows] of [
        ["reflect", [2, 3, 0, 1, 2, 3, 4, 5]],
        ["symmetric", [0, 1, 0, 1, 2, 3, 4, 5]],
      ] as const
    ) {
      const y = tf.mirrorPad(x, pads as [number, number][], mode);
      assertEquals(y.shape, shape.with(2, 4));
      assertEquals(await numbers(y), [...rows, ...rows.map((n) => n + 6)]);
    }
  }
}, { only });

onEachBackend(
  "parts of complex numbers have the shape of a reshape",
  async () => {
    const z = tf.complex(tf.ones([2, 3]), tf.reshape(tf.range(0, 6), [2, 3]));
    const flat = tf.reshape(z, [6]);
    assertEquals([tf.real(flat).shape, tf.imag(flat).shape], [[6], [6]]);
    assertEquals(await numbers(tf.imag(flat)), [0, 1, 2, 3, 4, 5]);
  },
  { only },
);

onEachBackend("G3: where works at rank 5 and 6", async () => {
  for (const shape of [[1, 2, 1, 2, 1], [1, 2, 1, 1, 2, 1]]) {
    const x = tf.reshape(tf.range(0, 4), shape);
    const y = tf.where(tf.greater(x, 1), x, tf.neg(x));
    assertEquals(await numbers(y), [-0, -1, 2, 3]);
    assertEquals(await numbers(tf.leakyRelu(tf.sub(x, 1), 0.5)), [
      -0.5,
      0,
      1,
      2,
    ]);
  }
}, { only });

onEachBackend("one number between two is the first", async () => {
  for (const [num, expected] of [[1, [-1]], [2, [-1, 3]], [3, [-1, 1, 3]]]) {
    const x = tf.linspace(-1, 3, num as number);
    assertEquals([x.shape, await numbers(x)], [[num], expected]);
  }
});

onEachBackend(
  "products keep the axes that they reduce, where asked to",
  async () => {
    const x = tf.tensor2d([[1, 2, 3], [4, 5, 6]]);
    for (
      const [axis, shape, values] of [
        [1, [2, 1], [6, 120]],
        [-2, [1, 3], [4, 10, 18]],
        [undefined, [1, 1], [720]],
        [[0, 1], [1, 1], [720]],
      ] as const
    ) {
      const y = tf.prod(x, axis as unknown as number[], true);
      assertEquals(y.shape, [...shape]);
      assertEquals(await numbers(y), [...values]);
    }
  },
);

onEachBackend("G4: sums and products over nothing are right", async () => {
  const nothing = tf.zeros([2, 0]);
  assertEquals(await numbers(tf.sum(nothing, 1)), [0, 0]);
  assertEquals(await numbers(tf.prod(nothing, 1)), [1, 1]);
  assertEquals(await numbers(tf.max(nothing, 1)), [-Infinity, -Infinity]);
  assertEquals(await numbers(tf.mean(nothing, 1)), [NaN, NaN]);
  assertEquals(await numbers(tf.matMul(nothing, tf.zeros([0, 2]))), [
    0,
    0,
    0,
    0,
  ]);
}, { only });

onEachBackend(
  "G4: an empty batch of images does not spoil the next one",
  async () => {
    const filter = tf.ones<tf.Rank.R4>([2, 2, 1, 1]);
    const nothing = tf.conv2d(
      tf.zeros<tf.Rank.R4>([0, 3, 3, 1]),
      filter,
      1,
      "valid",
    );
    assertEquals(nothing.shape, [0, 2, 2, 1]);
    const none = tf.zeros<tf.Rank.R4>([0, 3, 3, 2]);
    const depth = tf.ones<tf.Rank.R4>([2, 2, 2, 3]);
    assertEquals(tf.depthwiseConv2d(none, depth, 1, "valid").shape, [
      0,
      2,
      2,
      6,
    ]);
    const y = tf.conv2d(tf.ones<tf.Rank.R4>([1, 3, 3, 1]), filter, 1, "valid");
    assertEquals(await numbers(y), [4, 4, 4, 4]);
  },
  { only },
);

onEachBackend("G4: what cannot take an empty tensor says so", async () => {
  const boxes = tf.tensor2d([[0, 0, 1, 1]]);
  const none = tf.zeros<tf.Rank.R4>([1, 0, 3, 1]);
  await assertRejects(
    async () => {
      await tf.image.cropAndResize(
        none,
        boxes,
        tf.tensor1d([0], "int32"),
        [2, 2],
      ).data();
    },
    Error,
    "no input may be empty",
  );
}, { only });

onEachBackend("G4: a filter that meets no image has no gradient", async () => {
  const x = tf.zeros<tf.Rank.R4>([0, 3, 3, 1]);
  const w = tf.ones<tf.Rank.R4>([2, 2, 1, 1]);
  const { grads } = tf.engine().gradients(
    () => tf.sum(tf.conv2d(x, w, 1, "valid")),
    [w],
  );
  assertEquals(await numbers(grads[0]!), [0, 0, 0, 0]);
}, { only });

onEachBackend("G6: resizing by half pixels trains", async () => {
  // 4 to 2 by half pixels: each value counts in one average of two by two.
  const x = tf.ones<tf.Rank.R4>([1, 4, 4, 1]);
  const { grads } = tf.engine().gradients(
    () => tf.sum(tf.image.resizeBilinear(x, [2, 2], false, true)),
    [x],
  );
  assertEquals(await numbers(grads[0]!), Array(16).fill(0.25));
}, { only });

onEachBackend("sums over a middle axis of comparisons are right", async () => {
  const x = tf.tensor3d([0, 7, 2, 9, 4, 11, 6, 1, 8, 3, 10, 5], [2, 3, 2]);
  const isSmall = tf.cast(tf.less(x, 6), "float32");
  assertEquals(await numbers(tf.sum(isSmall, 1)), [3, 0, 0, 3]);
  assertEquals(await numbers(tf.sum(tf.cast(x, "int32"), 1)), [6, 27, 24, 9]);
}, { only });

onEachBackend(
  "the greatest of rows of one element, or none of them, are tensors of their own",
  async () => {
    for (const [shape, k] of [[[4, 1], 1], [[1], 1], [[2, 3], 0]] as const) {
      // On the device, not on the host.
      const x = tf.tidy(() => tf.neg(tf.ones([...shape] as [number])));
      const { values, indices } = tf.topk(x, k);
      assertEquals(x.shape, [...shape]);
      const shown = [...shape.slice(0, -1), k];
      assertEquals([values.shape, indices.shape], [shown, shown]);
      x.dispose();
      const y = tf.square(values);
      assert((await y.data()).every((value) => value === 1));
      assert((await indices.data()).every((value) => value === 0));
      tf.dispose([values, indices, y]);
    }
  },
);
