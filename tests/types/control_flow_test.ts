/** What users of loops write compiles, and what is wrong does not. */
import { assertEquals, assertThrows } from "@std/assert";
import { cond, forLoop, scan, switchCase, tf, whileLoop } from "../../mod.ts";
import { onEachBackend } from "../_backends.ts";

const cpu = { only: ["cpu"] } as const;

onEachBackend(
  "items have a rank less than inputs, and stacks one more than outputs",
  () => {
    const xs: tf.Tensor3D = tf.ones([2, 3, 4]),
      labels: tf.Tensor1D = tf.ones([2]);
    const one: tf.Tensor2D = forLoop((x) => {
      const item: tf.Tensor2D = x;
      return tf.sum<tf.Tensor1D>(item, 0);
    }, xs);
    const some: readonly [tf.Tensor3D, { label: tf.Tensor1D }] = forLoop(
      ([x, label]) => {
        const item: tf.Tensor2D = x, scalar: tf.Scalar = label;
        return [item, { label: scalar }] as const;
      },
      [xs, labels] as const,
    );
    const none: void = forLoop(() => {}, undefined, { length: 2 });
    const any: tf.Tensor = forLoop((x) => tf.neg(x), xs as tf.Tensor);
    assertEquals([one.shape, some[0].shape, some[1].label.shape, any.shape], [
      [2, 4],
      [2, 3, 4],
      [2],
      [2, 3, 4],
    ]);
    assertEquals(none, undefined);
  },
  cpu,
);

onEachBackend("what is carried keeps its type", () => {
  const xs: tf.Tensor2D = tf.ones([2, 3]);
  const [last, all]: [tf.Tensor1D, tf.Tensor2D] = scan(
    (c, x) => {
      const carry: tf.Tensor1D = c, item: tf.Tensor1D = x;
      return [tf.add(carry, item), carry];
    },
    tf.zeros([3]) as tf.Tensor1D,
    xs,
  );
  const { n }: { n: tf.Scalar } = whileLoop(
    ({ n }) => tf.less(n, 3),
    ({ n }) => ({ n: tf.add(n, 1) }),
    { n: tf.scalar(0) },
  );
  const y: tf.Scalar = cond(true, (x) => x, (x) => tf.neg(x), n);
  const z: tf.Scalar = switchCase(0, [(x: tf.Scalar) => x], n);
  assertEquals([last, all, n, y, z].map((x) => x.rank), [1, 2, 0, 0, 0]);
}, cpu);

onEachBackend("loops that are wrong do not compile", () => {
  const xs: tf.Tensor1D = tf.ones([2]), zero = tf.scalar(0);
  const attempts = [
    // @ts-expect-error: an option is misspelled
    () => forLoop((x) => x, xs, { reversed: true }),
    // @ts-expect-error: an output is a number
    () => forLoop(() => 3, xs),
    // @ts-expect-error: a body is async
    () => forLoop(async (x) => await x, xs),
    // @ts-expect-error: the result is no pair
    () => scan((c) => c, zero, xs),
    // @ts-expect-error: what is carried has another form
    () => scan((c) => [[c], undefined], zero, xs),
    // @ts-expect-error: the condition is a number
    () => whileLoop(() => 1, (x) => x, zero),
    // @ts-expect-error: the predicate is a number
    () => cond(1, () => zero, () => zero),
    // @ts-expect-error: the branches are a list
    () => switchCase(0, () => zero),
  ];
  for (const attempt of attempts) assertThrows(attempt, Error);
}, cpu);
