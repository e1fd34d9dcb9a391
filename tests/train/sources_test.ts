import { assert, assertEquals, assertRejects } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { textWindows } from "../../data/text.ts";
import { prefetch } from "../../data/prefetch.ts";
import * as random from "../../random.ts";
import type { BatchSource } from "../../train/mod.ts";
import * as train from "../../train/mod.ts";
import { onEachBackend } from "../_backends.ts";
import { line, numbers, type X } from "./_setup.ts";

const only = { only: ["cpu"] } as const;

function* generated(count = 4): Generator<X> {
  for (let i = 0; i < count; i++) yield [tf.tensor2d([[i], [i + 1]])];
}

async function* later(count = 4): AsyncGenerator<X> {
  for (const batch of generated(count)) yield await Promise.resolve(batch);
}

/** Sources that create the tensors of their batches. */
const CREATING: [string, () => BatchSource<X>][] = [
  ["a generator function", () => () => generated()],
  ["an async generator function", () => () => later()],
  ["a generator", () => generated()],
  ["an async generator", () => later()],
  ["an iterable with a generator", () => ({ [Symbol.iterator]: generated })],
  ["an async iterable", () => ({ [Symbol.asyncIterator]: later })],
  ["batches()", () => numbers()],
  ["a function of batches()", () => () => numbers()],
  ["prefetch() of batches()", () => prefetch(numbers())],
  ["a generator that frees", () =>
    function* () {
      for (const batch of generated()) {
        try {
          yield batch;
        } finally {
          tf.dispose(batch);
        }
      }
    }],
];

for (const [name, make] of CREATING) {
  onEachBackend(
    `fit() and evaluate() free the batches of ${name}`,
    async () => {
      const { loss, ...rest } = line();
      const before = tf.memory().numTensors;
      await train.fit({ ...rest, loss, data: make(), epochs: 1 });
      assertEquals(tf.memory().numTensors, before);
      await train.evaluate(make(), { loss });
      assertEquals(tf.memory().numTensors, before);
      // Also when training ends in the middle, or throws.
      await train.fit({ ...rest, loss, data: make(), steps: 2 });
      assertEquals(tf.memory().numTensors, before);
      await assertRejects(
        () =>
          train.fit({
            ...rest,
            data: make(),
            epochs: 1,
            loss: (_: tf.Tensor2D) => {
              throw new Error("in the loss");
            },
          }),
        Error,
        "in the loss",
      );
      assertEquals(tf.memory().numTensors, before);
      await train.findLr({ ...rest, loss, data: make(), steps: 5, maxLr: 1e-3 })
        .catch(() => {}); // a generator has too few
      assertEquals(tf.memory().numTensors, before);
    },
    only,
  );
}

onEachBackend(
  "tensors that existed before training are not freed",
  async () => {
    const batch: X = [tf.tensor2d([[1], [2]])];
    const kept = line();
    for (
      const data of [
        [batch, batch],
        new Set([batch]),
        () => [batch],
        function* () {
          yield batch;
          yield batch;
        },
      ] as BatchSource<X>[]
    ) {
      await train.fit({ ...kept, data, epochs: 2 });
      assert(!batch[0].isDisposed);
    }
    tf.dispose(batch);
  },
  only,
);

onEachBackend(
  "the batches of a source with ownsBatches are not freed",
  async () => {
    let cache: X[] | undefined;
    const data = {
      ownsBatches: true,
      *[Symbol.iterator]() {
        cache ??= [...generated()];
        yield* cache;
      },
    };
    const { step } = await train.fit({ ...line(), data, epochs: 3 });
    assertEquals(step, 12);
    assert(cache!.every(([x]) => !x.isDisposed));
    tf.dispose(cache!);
  },
  only,
);

onEachBackend(
  "a batch with a disposed tensor is refused with the reason",
  async () => {
    const data = function* (): Generator<X> {
      const x = tf.tensor2d([[1]]);
      while (true) yield [x];
    };
    await assertRejects(
      () => train.fit({ ...line(), data, steps: 3 }),
      Error,
      "Cannot fit: the tensors of a batch must not be disposed",
    );
  },
  only,
);

onEachBackend(
  "a generator that would be iterated over twice is refused",
  async () => {
    for (const make of [generated, later] as (() => BatchSource<X>)[]) {
      const { optimizer, ...rest } = line();
      await assertRejects(
        () => train.fit({ ...rest, optimizer, data: make(), epochs: 2 }),
        TypeError,
        "Cannot fit: data must be iterable more than once: it is a generator, which is used up after one pass: pass a function that returns a new one",
      );
      await assertRejects(
        () => train.fit({ ...rest, optimizer, validation: make(), epochs: 2 }),
        TypeError,
        "Cannot fit: validation must be iterable more than once",
      );
      assertEquals(optimizer.stepCount, 0);
      // Once is enough for one epoch.
      const { step } = await train.fit({
        ...line(),
        data: make(),
        validation: make(),
        epochs: 1,
      });
      assertEquals(step, 4);
      await assertRejects(
        () => train.fit({ ...line(), data: make(), steps: 9 }),
        RangeError,
        "Cannot fit: the data must give a batch: it is a generator, which is used up after one pass: pass a function",
      );
    }
    const used = generated();
    for (const batch of used) tf.dispose(batch);
    await assertRejects(
      () => train.evaluate(used, { loss: line().loss }),
      RangeError,
      "Cannot evaluate: the data must give a batch: it is a generator",
    );
  },
  only,
);

onEachBackend(
  "data that does not consist of lists of tensors is refused",
  async () => {
    const x = tf.tensor2d([[1]]);
    const table: [unknown, string][] = [
      [[x], "each batch must be a list of tensors: current value is a tensor"],
      [
        [{ x }],
        "each batch must be a list of tensors: current value is an object",
      ],
      [
        [[1, 2]],
        "each batch must be a list of tensors: current value is [1, 2]",
      ],
      [() => 7, "the data must be iterable: current value is 7"],
      [x, "data must be iterable"],
      [{}, "data must be iterable"],
      [null, "data must be iterable"],
      [[], "the data must give a batch"],
      [() => [], "the data must give a batch"],
    ];
    for (const [data, message] of table) {
      const { optimizer, ...rest } = line();
      const error = await assertRejects(
        () =>
          train.fit({
            ...rest,
            optimizer,
            data: data as BatchSource<X>,
            epochs: 1,
          }),
        Error,
        message,
      );
      assert(error.message.startsWith("Cannot fit: "), error.message);
      assertEquals(optimizer.stepCount, 0);
    }
    x.dispose();
  },
  only,
);

onEachBackend("fit() trains on a function of any source", async () => {
  const losses: number[][] = [];
  for (
    const data of [
      numbers(),
      () => numbers(),
      async function* () {
        yield* numbers();
      },
    ]
  ) {
    const { log } = await train.fit({
      ...line(),
      data,
      epochs: 3,
      logEvery: 1,
    });
    losses.push(log.steps.map(({ loss }) => loss));
  }
  assertEquals(losses[1], losses[0]);
  assertEquals(losses[2], losses[0]);
  assertEquals(losses[0]!.length, 12);
}, only);

onEachBackend("textWindows() frees its batches in fit()", async () => {
  const { optimizer, model } = line();
  const before = tf.memory().numTensors;
  await train.fit({
    optimizer,
    data: textWindows(Int32Array.of(1, 2, 3, 4, 5, 6), {
      batchSize: 2,
      context: 1,
      random: new random.RandomState(1),
    }),
    loss: (x, _y) => tf.mean<tf.Scalar>(model.call(tf.cast(x, "float32"))),
    steps: 5,
  });
  assertEquals(tf.memory().numTensors, before);
}, only);
