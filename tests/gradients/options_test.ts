/** Options out of range: they throw on every backend, before memory is touched. */
import { assertEquals, assertThrows } from "@std/assert";
import * as tf from "../../tf.ts";
import { guarded, useWasm } from "../wasm/_wasm.ts";
import { numbers, onEachBackend } from "../_backends.ts";

const image = () => tf.ones([1, 6, 6, 1]) as tf.Tensor4D;
const volume = () => tf.ones([1, 4, 4, 4, 1]) as tf.Tensor5D;
const filter = () => tf.ones([2, 2, 1, 1]) as tf.Tensor4D;
const ids = () => tf.tensor1d([0, 1], "int32");

const REFUSED: Record<string, [run: () => unknown, message: string]> = {
  "a negative padding": [
    () => tf.pad(tf.ones([4]), [[-1, 0]]),
    "Cannot pad: paddings[0][0] must be a nonnegative integer: current value is -1",
  ],
  "a negative padding of columns": [
    () => tf.pad(tf.ones([4, 4]), [[0, 0], [0, -2]]),
    "Cannot pad: paddings[1][1] must be a nonnegative integer: current value is -2",
  ],
  "a padding that is no integer": [
    () => tf.pad(tf.ones([4]), [[0.5, 1]]),
    "paddings[0][0] must be a nonnegative integer: current value is 0.5",
  ],
  "a padding of NaN": [
    () => tf.pad(tf.ones([4]), [[NaN, 1]]),
    "paddings[0][0] must be a nonnegative integer: current value is NaN",
  ],
  "paddings of too few axes": [
    () => tf.pad(tf.ones([4, 2]), [[1, 1]]),
    "Cannot pad: paddings must be a list of 2, one for each axis",
  ],
  "a negative number of tiles": [
    () => tf.tile(tf.ones([4]), [-1]),
    "Cannot tile: reps[0] must be a nonnegative integer: current value is -1",
  ],
  "half a tile": [
    () => tf.tile(tf.ones([4]), [1.5]),
    "reps[0] must be a nonnegative integer: current value is 1.5",
  ],
  "a slice from half an index": [
    () => tf.slice(tf.ones([4]), [0.5], [2]),
    "Cannot slice: begin[0] must be an integer: current value is 0.5",
  ],
  "an axis that is transposed twice": [
    () => tf.transpose(tf.ones([2, 3]), [1, 1]),
    "Cannot transpose: perm must be a permutation of the axes",
  ],
  "a negative number of segments": [
    () => tf.unsortedSegmentSum(tf.ones([2]), ids(), -1),
    "numSegments must be a nonnegative integer: current value is -1",
  ],
  "a negative size of images": [
    () => tf.image.resizeBilinear(image(), [-1, 2]),
    "Cannot resize: size[0] must be a nonnegative integer: current value is -1",
  ],
  "a negative padding of conv2d": [
    () => tf.conv2d(image(), filter(), 1, -1),
    "Cannot run Conv2D: pad must be a nonnegative integer: current value is -1",
  ],
  "a negative padding of avgPool": [
    () => tf.avgPool(image(), 2, 1, -1),
    "Cannot run AvgPool: pad must be a nonnegative integer: current value is -1",
  ],
  "a negative padding of maxPool": [
    () => tf.maxPool(image(), 2, 1, -1),
    "Cannot run MaxPool: pad must be a nonnegative integer: current value is -1",
  ],
  "a negative padding of maxPool3d": [
    () => tf.maxPool3d(volume(), 2, 1, -1),
    "Cannot run MaxPool3D: pad must be a nonnegative integer: current value is -1",
  ],
};

for (const [name, [run, message]] of Object.entries(REFUSED)) {
  onEachBackend(`${name} throws`, () => {
    tf.tidy(() => void assertThrows(run, Error, message));
  });
}

onEachBackend("windows larger than the image give nothing", async () => {
  const x = tf.ones([1, 2, 2, 1]) as tf.Tensor4D;
  const large = tf.ones([3, 3, 1, 1]) as tf.Tensor4D;
  for (
    const y of [
      tf.conv2d(x, large, 1, "valid"),
      tf.depthwiseConv2d(x, large, 1, "valid"),
      tf.maxPool(x, 3, 1, "valid"),
      tf.avgPool(x, 3, 1, "valid"),
    ]
  ) {
    assertEquals([y.shape, await numbers(y)], [[1, 0, 0, 1], []]);
  }
});

Deno.test("what is refused on WASM leaves the memory around tensors as it was", async () => {
  await useWasm();
  for (const [run] of Object.values(REFUSED)) {
    guarded(() => void assertThrows(run));
  }
  guarded(() => {
    tf.depthwiseConv2d(
      tf.ones([1, 2, 2, 1]) as tf.Tensor4D,
      tf.ones([3, 3, 1, 1]) as tf.Tensor4D,
      1,
      "valid",
    );
  });
});
