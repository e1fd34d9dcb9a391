import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { data, nn, random } from "../../mod.ts";
import { useBackend } from "../../backend/mod.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

onEachBackend(
  "padSequences() pads to the longest, or to a length",
  async () => {
    const [x, mask] = data.padSequences([[5, 6, 7], Int32Array.of(), [8]]);
    assertEquals([x.dtype, mask.dtype], ["int32", "bool"]);
    assertEquals(await x.array(), [[5, 6, 7], [0, 0, 0], [8, 0, 0]]);
    assertEquals(await mask.array(), [[1, 1, 1], [0, 0, 0], [1, 0, 0]]);
    const [floats, longer] = data.padSequences([[1], Float32Array.of(0.5, 2)], {
      padding: -1.5,
      length: 3,
    });
    assertEquals(floats.dtype, "float32");
    assertEquals(await floats.array(), [[1, -1.5, -1.5], [0.5, 2, -1.5]]);
    assertEquals(await longer.array(), [[1, 0, 0], [1, 1, 0]]);
    const [steps] = data.padSequences([
      data.column([1, 2, 3, 4], [2]),
      data.column([5, 6], [2]),
    ]);
    assertEquals(await steps.array(), [[[1, 2], [3, 4]], [[5, 6], [0, 0]]]);
  },
);

/** 23 sequences of lengths 1 to 9, whose numbers say where they are from. */
const LENGTHS = Array.from({ length: 23 }, (_, i) => 1 + (7 * i) % 9);
const TEXTS = LENGTHS.map((length, i) =>
  Array.from({ length }, (_, t) => 100 * (i + 1) + t)
);
const TAGS = TEXTS.map((text) => text.map((token) => -token));
const LABELS = TEXTS.map((_, i) => i);
const boundaries = [3, 6];
const bucketOf = (length: number) => length <= 3 ? 0 : length <= 6 ? 1 : 2;

onEachBackend(
  "bucketByLength() gives each example once, with its labels and little padding",
  async () => {
    const source = data.bucketByLength([TEXTS, TAGS, LABELS], {
      batchSize: 4,
      boundaries,
      shuffle: true,
      random: new random.RandomState(3),
      padding: [0, -7, 0],
    });
    await assertNoLeak(async () => {
      const orders: string[] = [];
      for (let pass = 0; pass < 2; pass++) {
        const seen: number[] = [];
        let batches = 0;
        for (const [x, tags, y, mask] of source) {
          batches++;
          const labels = await numbers(y);
          seen.push(...labels);
          const lengths = labels.map((i) => LENGTHS[i]!);
          const time = Math.max(...lengths);
          assertEquals(new Set(lengths.map(bucketOf)).size, 1);
          for (const t of [x, tags, mask]) {
            assertEquals(t.shape, [labels.length, time]);
          }
          const rest = (i: number, value: number) =>
            Array<number>(time - LENGTHS[i]!).fill(value);
          assertEquals(
            await x.array(),
            labels.map((i) => [...TEXTS[i]!, ...rest(i, 0)]),
          );
          assertEquals(
            await tags.array(),
            labels.map((i) => [...TAGS[i]!, ...rest(i, -7)]),
          );
          assertEquals(
            await mask.array(),
            labels.map((i) => [...TEXTS[i]!.map(() => 1), ...rest(i, 0)]),
          );
        }
        assertEquals(batches, source.length);
        assertEquals(seen.toSorted((a, b) => a - b), LABELS);
        orders.push(seen.join());
      }
      assert(orders[0] !== orders[1]);
      assertEquals(source.examples, 23);
    });
  },
);

Deno.test("buckets of few shapes, dropped rests and maps", async () => {
  await useBackend("cpu");
  const before = tf.memory().numTensors;
  const shapes = new Set<string>();
  const full = data.bucketByLength([TEXTS, LABELS], {
    batchSize: 4,
    boundaries: [3, 6, 12],
    padTo: "boundary",
    dropLast: true,
  });
  for (const [x, y, mask] of full) {
    shapes.add(String(x.shape));
    assertEquals(x.shape, mask.shape);
    assertEquals(y.shape, [4]);
  }
  assertEquals([...shapes].sort(), ["4,12", "4,3", "4,6"]);
  const counts = [0, 0, 0];
  for (const length of LENGTHS) counts[bucketOf(length)]!++;
  const expected = counts.reduce((sum, n) => sum + Math.floor(n / 4), 0);
  assertEquals([full.length, full.examples], [expected, 4 * expected]);
  // The order of the examples, where nothing is shuffled.
  const seen: number[] = [];
  const mapped = data.bucketByLength([TEXTS, LABELS], {
    boundaries: [],
    batchSize: 5,
    map: (x, y, mask) => [tf.sum(tf.mul(x, mask), 1) as tf.Tensor1D, y],
  });
  for (const [sums, y] of mapped) {
    seen.push(...await numbers(y));
    for (const [k, i] of (await numbers(y)).entries()) {
      const sum = TEXTS[i]!.reduce((a, b) => a + b, 0);
      assertEquals((await numbers(sums))[k], sum);
    }
  }
  assertEquals(seen, LABELS);
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("a pass over buckets is resumed where it was", async () => {
  await useBackend("cpu");
  const make = () =>
    data.bucketByLength([TEXTS, LABELS], {
      batchSize: 3,
      boundaries,
      shuffle: true,
      random: new random.RandomState(8),
    });
  const all: string[] = [];
  const first = make();
  let place: ReturnType<typeof first.stateDict> = null;
  for (const [, y] of first) {
    all.push((await numbers(y)).join());
    if (all.length === 2) place = first.stateDict();
  }
  const second = make();
  second.loadStateDict(place);
  const rest: string[] = [];
  for (const [, y] of second) rest.push((await numbers(y)).join());
  assertEquals(rest, all.slice(2));
});

onEachBackend(
  "masks of padding are those of attention: padded places change nothing",
  async () => {
    random.seed(1);
    const attention = new nn.MultiHeadAttention(4, 2);
    const embedding = new nn.Embedding(50, 4);
    const texts = [[3, 1, 4, 1, 5], [9, 2]];
    const [x, keyMask] = data.padSequences(texts, { length: 7 });
    const all = attention.call(embedding.call(x) as tf.Tensor3D, undefined, {
      keyMask,
    });
    const values = await all.array() as number[][][];
    for (const [i, text] of texts.entries()) {
      const [alone] = data.padSequences([text]);
      const expected = await attention.call(
        embedding.call(alone) as tf.Tensor3D,
      )
        .array() as number[][][];
      for (const [t, row] of expected[0]!.entries()) {
        row.forEach((value, k) => {
          assert(Math.abs(value - values[i]![t]![k]!) < 1e-6);
        });
      }
    }
  },
);

Deno.test("sequences that cannot be padded or put into buckets are refused", async () => {
  await useBackend("cpu");
  const bucket = (sources: unknown, options: object = { boundaries: [2] }) =>
    data.bucketByLength(sources as [number[][]], options as { boundaries: [] });
  const bad: [call: () => unknown, message: string][] = [
    [() => data.padSequences([]), "sequences must be a nonempty list"],
    [() => data.padSequences([[], []]), "length must be positive"],
    [
      () => data.padSequences([[1, 2]], { length: 1 }),
      "length must be at least 2",
    ],
    [
      () => data.padSequences([[1]], { padding: 0.5 }),
      "padding must be an integer",
    ],
    [
      () => data.padSequences([[1]], { padding: 3e9 }),
      "padding must be within the range of int32",
    ],
    [
      () => data.padSequences([[0.5]], { padding: 1e39 }),
      "padding must be within the range of float32",
    ],
    [
      () => bucket([[[1]]], { boundaries: [2], padding: 0.5 }),
      "padding must be an integer",
    ],
    [() => data.padSequences([["a"]] as never), "must be a number"],
    [() => data.padSequences([[1]], { pad: 1 } as never), "no option"],
    [
      () =>
        data.padSequences([data.column([1], [1]), data.column([1, 2], [2])]),
      "sequences[1] must be of steps of shape [1]",
    ],
    [() => bucket([]), "sources must be a nonempty list"],
    [() => bucket([[1, 2]]), "sources[0] must be a list of sequences"],
    [() => bucket([[[1], [2]], [1]]), "of the same number of examples"],
    [() => bucket([[[1]]], {}), "boundaries must be"],
    [
      () => bucket([[[1]]], { boundaries: [2, 2] }),
      "boundaries must be strictly",
    ],
    [
      () => bucket([[[1, 2, 3]]], { boundaries: [2], padTo: "boundary" }),
      "the last of boundaries must be at least 3",
    ],
    [() => bucket([[[1]]], { boundaries: [2], padTo: "end" }), "padTo must be"],
    [
      () => bucket([[[1]]], { boundaries: [2], padding: [0, 0] }),
      "padding must be of 1 numbers",
    ],
    [
      () => bucket([[[1]], [1]], { boundaries: [2], padding: [0, -1] }),
      "padding[1] must be 0, since the source has no sequences",
    ],
    [() => bucket([[[1]]], { boundaries: [2], batchSize: 0 }), "batchSize"],
    [
      () => bucket([[[1]]], { boundaries: [2], dropLast: true }),
      "there must be examples for at least one batch",
    ],
  ];
  for (const [call, message] of bad) {
    const error = assertThrows(call, Error);
    assert(error.message.startsWith("Cannot "), error.message);
    assert(error.message.includes(message), `${message}: ${error.message}`);
  }
});

Deno.test("all batches of a source that has floats are of floats", async () => {
  await useBackend("cpu");
  const source = data.bucketByLength([[[1, 2], [0.5, 1, 2]], [[7], [8, 9]]], {
    boundaries: [2, 5],
    padding: [-0.5, 0],
  });
  for (const [x, tags] of source) {
    assertEquals([x.dtype, tags.dtype], ["float32", "int32"]);
  }
});

Deno.test("200,000 sequences are padded and put into buckets", async () => {
  await useBackend("cpu");
  const many = Array.from({ length: 200_000 }, () => Int32Array.of(1, 2));
  const [x, mask] = data.padSequences(many);
  assertEquals(x.shape, [200_000, 2]);
  tf.dispose([x, mask]);
  const source = data.bucketByLength([many], {
    batchSize: 200_000,
    boundaries: [2],
  });
  for (const [x] of source) assertEquals(x.shape, [200_000, 2]);
});
