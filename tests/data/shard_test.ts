import { assertEquals, assertThrows } from "@std/assert";
import type * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import { batches, prefetch, type Shard, textWindows } from "../../data/mod.ts";
import { RandomState } from "../../random.ts";

/** The values of each batch. */
function valuesOf(source: Iterable<readonly tf.Tensor[]>): number[][] {
  return Array.from(source, ([x]) => [...x!.dataSync()]);
}

const numbers = Float32Array.from({ length: 23 }, (_, i) => i);

for (const count of [1, 2, 3, 5]) {
  for (const dropLast of [false, true]) {
    Deno.test(`${count} parts of each batch are the batch, in order (dropLast ${dropLast})`, async () => {
      await useBackend("cpu");
      const source = (shard: Shard) =>
        batches([numbers], {
          batchSize: 5,
          shuffle: true,
          random: new RandomState(3),
          dropLast,
          shard,
        });
      const whole = valuesOf(source({ index: 0, count: 1 }));
      const parts = Array.from(
        { length: count },
        (_, index) => source({ index, count }),
      );
      const values = parts.map(valuesOf);
      // The last batch has 3 examples: too few for 5 parts.
      const expected = count > 3 && !dropLast ? whole.slice(0, -1) : whole;
      const joined = values[0]!.map((_, i) => values.flatMap((of) => of[i]!));
      assertEquals(joined, expected);
      for (const { length, examples } of parts) {
        assertEquals(length, expected.length);
        assertEquals(examples, expected.flat().length);
      }
      const sizes = values.map(([first]) => first!.length);
      assertEquals(Math.max(...sizes) - Math.min(...sizes) <= 1, true);
    });
  }
}

Deno.test("parts of windows of a text are the windows, in order", async () => {
  await useBackend("cpu");
  const tokens = Int32Array.from({ length: 50 }, (_, i) => i);
  const windows = (shard?: Shard) =>
    Array.from(
      textWindows(tokens, {
        batchSize: 5,
        context: 4,
        count: 3,
        random: new RandomState(1),
        ...(shard ? { shard } : {}),
      }),
      (batch) => batch.map((x) => [...x.dataSync()]),
    );
  const whole = windows();
  const parts = [0, 1].map((index) => windows({ index, count: 2 }));
  whole.forEach((batch, i) =>
    batch.forEach((values, k) =>
      assertEquals(parts.flatMap((of) => of[i]![k]!), values)
    )
  );
});

Deno.test("a place in the parts of one rank is one in those of others", async () => {
  await useBackend("cpu");
  const source = (index: number) =>
    batches([numbers], {
      batchSize: 5,
      shuffle: true,
      random: new RandomState(3),
      shard: { index, count: 2 },
    });
  const [first, second] = [source(0), source(1)];
  const expected = valuesOf(second);
  const pass = first[Symbol.iterator]();
  pass.next();
  pass.next();
  const resumed = source(1);
  resumed.loadStateDict(first.stateDict());
  pass.return?.();
  assertEquals(valuesOf(resumed), expected.slice(2));
});

Deno.test("prefetch() has the shard of its source", () => {
  const shard = { index: 1, count: 2 };
  const source = batches([numbers], { shard });
  assertEquals(prefetch(source).shard, shard);
});

for (
  const [shard, message] of [
    [{ index: 0 }, "shard.count must be given"],
    [{ count: 2 }, "shard.index must be given"],
    [{ index: 2, count: 2 }, "shard.index must be less than shard.count, 2"],
    [{ index: -1, count: 2 }, "shard.index must be a nonnegative integer"],
    [{ index: 0, count: 0 }, "shard.count must be a positive integer"],
    [{ index: 0, count: 9 }, "shard.count must be at most batchSize, 8"],
    [{ index: 0, count: 2, rank: 1 }, 'there is no option "shard.rank"'],
    [2, "shard must be an object"],
  ] as const
) {
  Deno.test(`a shard of ${JSON.stringify(shard)} is refused`, () => {
    const options = { batchSize: 8, shard: shard as Shard };
    assertThrows(() => batches([numbers], options), Error, message);
    const tokens = new Int32Array(9);
    assertThrows(
      () => textWindows(tokens, { ...options, context: 4 }),
      Error,
      message,
    );
  });
}

Deno.test("there must be an example for each part", () => {
  assertThrows(
    () => batches([[1, 2]], { shard: { index: 0, count: 3 } }),
    RangeError,
    "there must be examples for at least one batch of 3: there are 2",
  );
});
