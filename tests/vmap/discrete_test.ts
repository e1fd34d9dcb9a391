/** Kernels that have no gradient inside of `vmap`, against a loop over the examples. */
import { assertEquals } from "@std/assert";
import * as tf from "../../tf.ts";
import { scope } from "../../memory.ts";
import { vmap } from "../../vmap/mod.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

const floats = () =>
  tf.tensor3d(
    Array.from({ length: 36 }, (_, i) => Math.round(8 * Math.sin(1.7 * i + 1))),
    [3, 3, 4],
  );
const integers = () => tf.cast(floats(), "int32");
const small = () => tf.cast(tf.mod(tf.abs(floats()), 3), "int32");
const truths = () => tf.greater(floats(), 0);

type Run = (x: tf.Tensor) => tf.Tensor | tf.Tensor[];

/** By name, what the examples are and what is run on one. */
const CASES: Record<string, [() => tf.Tensor, Run]> = {
  argMax: [floats, (x) => tf.argMax(x, -1)],
  argMin: [floats, (x) => tf.argMin(x)],
  all: [truths, (x) => tf.all(x, 1)],
  any: [truths, (x) => tf.any(x)],
  "logical operations": [
    truths,
    (x) => [
      tf.logicalAnd(x, tf.logicalNot(tf.reverse(x))),
      tf.logicalOr(x, tf.reverse(x, 0)),
      tf.logicalXor(x, tf.reverse(x)),
    ],
  ],
  comparisons: [
    integers,
    (x) => [
      tf.equal(x, tf.reverse(x)),
      tf.notEqual(x, 1),
      tf.less(x, tf.max(x)),
      tf.greaterEqual(x, tf.scalar(0, "int32")),
    ],
  ],
  "finite numbers": [
    floats,
    (x) => [
      tf.isFinite(tf.div(x, tf.sub(x, x))),
      tf.isNaN(tf.sqrt(x)),
      tf.isInf(tf.div(1, x)),
    ],
  ],
  integers: [
    integers,
    (x) => [
      tf.sum(x, 1),
      tf.max(x, 0),
      tf.min(x),
      tf.prod(small0(x), 1),
      tf.mul(x, x),
      tf.floorDiv(x, tf.scalar(3, "int32")),
      tf.mod(x, tf.scalar(3, "int32")),
      tf.cumsum(x, 1),
      tf.abs(x),
      tf.maximum(x, tf.zerosLike(x)),
    ],
  ],
  bitwiseAnd: [small, (x) => tf.bitwiseAnd(x, tf.reverse(x))],
  casts: [
    floats,
    (
      x,
    ) => [
      tf.cast(x, "int32"),
      tf.cast(x, "bool"),
      tf.cast(tf.cast(x, "bool"), "float32"),
    ],
  ],
  oneHot: [small, (x) => tf.oneHot(x as tf.Tensor2D, 3)],
  topk: [
    floats,
    (x) => {
      const { values, indices } = tf.topk(x, 2);
      return [values, indices];
    },
  ],
  "gather by own indices": [
    small,
    (x) => [
      tf.gather(tf.tensor2d([[1, 2], [3, 4], [5, 6]]), x as tf.Tensor2D),
      tf.gather(tf.tensor2d([[1, 2, 3], [4, 5, 6]]), x as tf.Tensor2D, 1),
      tf.gather(x, x as tf.Tensor2D, 1, 1),
    ],
  ],
  gatherND: [
    small,
    (x) => [
      tf.gatherND(x, tf.slice(x, [0, 0], [3, 2])),
      tf.gatherND(tf.ones([3, 3, 2]), tf.slice(x, [0, 0], [3, 2])),
      tf.gatherND(x, tf.tensor2d([[0, 1], [2, 3]], [2, 2], "int32")),
    ],
  ],
  scatters: [
    small,
    (x) => {
      const at = tf.slice(x, [0, 0], [3, 1]);
      return [
        tf.scatterND(at, tf.slice(x, [0, 1], [3, 2]), [3, 2]),
        tf.tensorScatterUpdate(
          tf.zeros([3, 2], "int32"),
          tf.slice(at, 0, 1),
          tf.slice(x, [0, 0], [1, 2]),
        ),
      ];
    },
  ],
  "segments by own numbers": [
    small,
    (x) =>
      tf.unsortedSegmentSum(
        tf.cast(x, "float32"),
        tf.reshape(tf.slice(x, [0, 0], [3, 1]), [3]) as tf.Tensor1D,
        3,
      ),
  ],
  bins: [
    small,
    (x) => [
      tf.bincount(
        tf.reshape(x, [12]) as tf.Tensor1D,
        tf.zeros([0]) as tf.Tensor1D,
        4,
      ),
      tf.denseBincount(x as tf.Tensor2D, tf.zeros([0]) as never, 4),
    ],
  ],
  searchSorted: [
    floats,
    (x) => [
      tf.searchSorted(tf.tensor2d([[-6, -1, 2], [-4, 0, 4], [-2, 0, 1]]), x),
      tf.searchSorted(tf.cumsum(tf.abs(x), 1), x, "right"),
    ],
  ],
  where: [
    truths,
    (x) => tf.where(x, tf.scalar(1, "int32"), tf.scalar(-1, "int32")),
  ],
  slices: [
    integers,
    (x) => [
      tf.slice(x, [1, 0], [-1, 2]),
      tf.stridedSlice(x, [0, 3], [3, 0], [2, -1]),
      tf.stridedSlice(x, [1, 0], [2, 4], [1, 2], 0, 0, 0, 0, 1),
      tf.reverse(x, [-1]),
      tf.pad(x as tf.Tensor2D, [[1, 0], [0, 2]], 7),
      tf.tile(x, [2, 1]),
      ...tf.unstack(x, 1),
      ...tf.split(x, [1, 3], 1),
      tf.expandDims(x, -1),
      tf.transpose(x),
      tf.concat([x, x], -1),
      tf.stack([x, x], 1),
    ],
  ],
  transform: [
    floats,
    (x) =>
      tf.image.transform(
        tf.reshape(x, [1, 3, 4, 1]) as tf.Tensor4D,
        tf.tensor2d([[1, 0, 1, 0, 1, 0, 0, 0]]),
      ),
  ],
};

function small0(x: tf.Tensor): tf.Tensor {
  return tf.mod(x, tf.scalar(2, "int32"));
}

for (const [name, [make, run]] of Object.entries(CASES)) {
  onEachBackend(`${name} inside of vmap is a loop`, async () => {
    const xs = scope(make);
    await assertNoLeak(async () => {
      const all = vmap((x: tf.Tensor) => [run(x)].flat())(xs);
      const each = scope(() => {
        const made = tf.unstack(xs).map((x) => [run(x)].flat());
        return made[0]!.map((_, k) => tf.stack(made.map((y) => y[k]!)));
      });
      assertEquals(all.length, each.length);
      for (const [k, want] of each.entries()) {
        assertEquals([all[k]!.shape, all[k]!.dtype], [want.shape, want.dtype]);
        assertEquals(
          await numbers(all[k]!),
          await numbers(want),
          `${name} ${k}`,
        );
      }
      tf.dispose([all, each]);
    });
    xs.dispose();
  }, name === "bitwiseAnd" ? { only: ["cpu", "wasm"] } : {}); // WebGPU has none.
}
