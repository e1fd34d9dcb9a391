import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { batches } from "../../data/batches.ts";
import { column } from "../../data/column.ts";
import { prefetch } from "../../data/prefetch.ts";
import { textWindows } from "../../data/text.ts";
import { RandomState } from "../../random.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

const data = () => column(Float32Array.from({ length: 10 }, (_, i) => i), [1]);
const shuffled = () =>
  batches([data()], {
    batchSize: 3,
    shuffle: true,
    random: new RandomState(1),
  });

async function all(
  source: Iterable<readonly tf.Tensor[]> | AsyncIterable<readonly tf.Tensor[]>,
): Promise<number[][]> {
  const seen: number[][] = [];
  for await (const batch of source) {
    for (const x of batch) seen.push(await numbers(x));
  }
  return seen;
}

/** Sources of tensors that free a batch when the next one is taken. */
const SOURCES = {
  batches: shuffled,
  textWindows: () =>
    textWindows(Int32Array.from({ length: 50 }, (_, i) => i), {
      batchSize: 2,
      context: 4,
      count: 5,
      random: new RandomState(2),
    }),
  "a generator": function* () {
    for (let i = 0; i < 5; i++) {
      const x = tf.fill([2], i);
      try {
        yield [x];
      } finally {
        x.dispose();
      }
    }
  },
  "an asynchronous generator": async function* () {
    for (let i = 0; i < 5; i++) {
      const x = tf.fill([2], await Promise.resolve(i));
      try {
        yield [x];
      } finally {
        x.dispose();
      }
    }
  },
};

for (const [name, source] of Object.entries(SOURCES)) {
  onEachBackend(
    `prefetch(${name}) yields what it would yield alone`,
    async () => {
      await assertNoLeak(async () => {
        for (const depth of [1, 2, 7]) {
          assertEquals(
            await all(prefetch<readonly tf.Tensor[]>(source(), { depth })),
            await all(source()),
          );
        }
        for await (const _ of prefetch<readonly tf.Tensor[]>(source())) break;
      });
    },
  );
}

onEachBackend(
  "prefetched batches resume after the one that was taken last",
  async () => {
    const reading = prefetch(shuffled(), { depth: 3 });
    assertEquals([reading.length, reading.stateDict?.()], [4, null]);
    const whole = await all(shuffled());
    let place: unknown;
    let taken = 0;
    for await (const _ of reading) {
      if (++taken === 2) {
        place = reading.stateDict!();
        break;
      }
    }
    const later = prefetch(shuffled());
    later.loadStateDict!(structuredClone(place) as never);
    assertEquals(await all(later), whole.slice(2));
    assertEquals(later.stateDict!(), null);
  },
  { only: ["cpu"] },
);

onEachBackend("the next batch is made while the last one is used", async () => {
  const events: string[] = [];
  const source = (function* () {
    for (let i = 0; i < 3; i++) {
      events.push(`made ${i}`);
      yield [i];
    }
  })();
  for await (const [i] of prefetch(source, { depth: 1 })) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    events.push(`used ${i}`);
  }
  assert(events.indexOf("made 1") < events.indexOf("used 0"));
}, { only: ["cpu"] });
