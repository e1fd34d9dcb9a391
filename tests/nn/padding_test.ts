/** Padding layers. */
import { assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { compile, nn, scope } from "../../mod.ts";
import { numbers, onEachBackend } from "../_backends.ts";

onEachBackend(
  "padding layers tell the size of their output, and what does not fit",
  () => {
    const x = tf.ones<tf.Rank.R3>([1, 3, 2]);
    const fits: [nn.Pad<tf.Tensor3D>, number][] = [
      [new nn.ReflectionPad1d(2), 7],
      [new nn.CircularPad1d([[3, 0]]), 6],
      [new nn.ReplicationPad1d(4), 11],
      [new nn.ConstantPad1d(0), 3],
    ];
    for (const [layer, length] of fits) {
      assertEquals(layer.outSize([3, 2]), [length, 2]);
      assertEquals(layer.call(x).shape, [1, length, 2]);
      assertEquals(layer.outSize([null, 2]), [null, 2]);
    }
    for (
      const [layer, most] of [
        [new nn.ReflectionPad1d(3), 2],
        [new nn.CircularPad1d([[0, 4]]), 3],
      ] as const
    ) {
      assertThrows(
        () => layer.call(x),
        RangeError,
        `Cannot apply ${layer.constructor.name}: padding must be at most ${most} beside an axis of length 3`,
      );
    }
    const model = nn.Sequential.build(
      [4, 4, 1],
      () => new nn.ReflectionPad2d(1),
      (size) => new nn.Conv2d(size, 2, 3, { padding: "valid" }),
      (size) => {
        assertEquals(size, [4, 4, 2]);
        return new nn.Flatten();
      },
    );
    assertEquals((model.call(tf.ones([1, 4, 4, 1])) as tf.Tensor).shape, [
      1,
      32,
    ]);
  },
  { only: ["cpu"] },
);

onEachBackend(
  "padding layers take integers, return a tensor of their own, and compile",
  async (backend) => {
    const x = tf.tensor3d([1, 2, 3], [1, 3, 1], "int32");
    const layers = [
      new nn.ReflectionPad1d(1),
      new nn.ReplicationPad1d(1),
      new nn.CircularPad1d(1),
      new nn.ConstantPad1d(1, { value: 7 }),
    ];
    const all = () => scope(() => tf.concat(layers.map((f) => f.call(x)), 1));
    const expected = [
      ...[2, 1, 2, 3, 2],
      ...[1, 1, 2, 3, 3],
      ...[3, 1, 2, 3, 1],
      ...[7, 1, 2, 3, 7],
    ];
    const compiled = compile(all);
    for (let i = 0; i < 4; i++) {
      assertEquals(await numbers(compiled()), expected);
    }
    if (backend !== "cpu") assertEquals(compiled.report().replayed, 2);
    const same = new nn.ConstantPad1d(0).call(x);
    same.dispose();
    assertEquals(await numbers(x), [1, 2, 3]);
  },
);
