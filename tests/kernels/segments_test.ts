/** Sums of rows by segment, on every backend: against float64, and the same bits twice. */
import { assert, assertEquals } from "@std/assert";
import { nn, tf } from "../../mod.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import { noise } from "./_float64.ts";

/** Rows, columns, segments, and the ids of rows. */
const CASES: readonly [
  name: string,
  rows: number,
  columns: number,
  segments: number,
  id: (i: number) => number,
][] = [
  ["one row", 1, 3, 4, () => 2],
  ["rows of one column", 100, 1, 7, (i) => i * i % 7],
  ["more rows than a block", 700, 5, 65, (i) => i * 37 % 65],
  ["all rows in one segment", 1000, 4, 300, () => 299],
  ["more segments than a digit", 520, 3, 50257, (i) => i * 7919 % 50257],
  ["many segments", 300, 2, 70000, (i) => 69999 - i % 3],
  ["segments that no row has", 10, 2, 1000, (i) => 100 * i],
  ["one segment", 9, 2, 1, () => 0],
];

for (const [name, rows, columns, segments, id] of CASES) {
  onEachBackend(`segment sums equal float64: ${name}`, async () => {
    const ids = Int32Array.from({ length: rows }, (_, i) => id(i));
    const values = noise(rows * columns, 1);
    const wanted = new Float64Array(segments * columns);
    values.forEach((x, at) => {
      wanted[ids[Math.floor(at / columns)]! * columns + at % columns]! += x;
    });
    await assertNoLeak(async () => {
      const x = tf.tensor2d(Float32Array.from(values), [rows, columns]);
      const segmentIds = tf.tensor1d(ids, "int32");
      const sums = [1, 2].map(() =>
        tf.unsortedSegmentSum(x, segmentIds, segments)
      );
      const [first, second] = await Promise.all(sums.map((y) => y.data()));
      assertEquals(first, second);
      wanted.forEach((y, i) => {
        const off = Math.abs(first![i]! - y);
        assert(off < 1e-5, `${first![i]} instead of ${y} at ${i}`);
      });
      tf.dispose([x, segmentIds, sums]);
    });
  });
}

onEachBackend("segment sums of integers are integers", async () => {
  const x = tf.tensor2d([[1, 2], [3, 4], [2 ** 24 + 1, 0]], [3, 2], "int32");
  const y = tf.unsortedSegmentSum(x, tf.tensor1d([1, 1, 0], "int32"), 3);
  assertEquals(y.dtype, "int32");
  assertEquals([...await y.data()], [2 ** 24 + 1, 0, 4, 6, 0, 0]);
});

onEachBackend("segment sums of no rows are zeros", async () => {
  const none = tf.tensor1d([], "int32");
  const y = tf.unsortedSegmentSum(tf.zeros([0, 2]), none, 3);
  assertEquals(y.shape, [3, 2]);
  assertEquals([...await y.data()], [0, 0, 0, 0, 0, 0]);
  const of = tf.unsortedSegmentSum(
    tf.zeros([2, 0]),
    tf.tensor1d([0, 1], "int32"),
    3,
  );
  assertEquals(of.shape, [3, 0]);
});

onEachBackend("a NaN stays in its segment", async () => {
  const x = tf.tensor1d([1, NaN, 2, Infinity, -Infinity]);
  const ids = tf.tensor1d([0, 1, 0, 2, 2], "int32");
  const sums = [...await tf.unsortedSegmentSum(x, ids, 4).data()];
  assertEquals(sums, [3, NaN, NaN, 0]);
});

onEachBackend("the gradient of an embedding counts each use", async () => {
  const embedding = new nn.Embedding(5, 2);
  const tokens = tf.tensor2d([[0, 3, 3], [4, 3, 0]], undefined, "int32");
  const gradient = tf.grad((weight: tf.Tensor) => tf.gather(weight, tokens))(
    embedding.weight.value,
    tf.ones([2, 3, 2]),
  );
  assertEquals([...await gradient.data()], [2, 2, 0, 0, 0, 0, 3, 3, 1, 1]);
});
