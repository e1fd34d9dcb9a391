import {
  assertEquals,
  assertInstanceOf,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { RandomState } from "../../random.ts";
import { batches } from "../../data/batches.ts";
import { csvNumbers, parseCsv, readCsv } from "../../data/csv.ts";
import { column } from "../../data/column.ts";
import { Dataset } from "../../data/dataset.ts";
import { readText } from "../../data/files.ts";
import { decodeIdx, readIdx } from "../../data/idx.ts";
import { readIdxDirectory } from "../../data/idx_directory.ts";
import { prefetch } from "../../data/prefetch.ts";
import { bucketByLength } from "../../data/sequences/bucket.ts";
import { textWindows, Vocabulary } from "../../data/text.ts";
import { onEachBackend } from "../_backends.ts";

/** An IDX file of bytes. */
function idx(shape: number[], values: number[], type = 8): Uint8Array {
  const sizes = shape.flatMap((
    n,
  ) => [n >>> 24, n >>> 16 & 255, n >>> 8 & 255, n & 255]);
  return Uint8Array.of(0, 0, type, shape.length, ...sizes, ...values);
}

async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function folderOf(files: Record<string, Uint8Array>): Promise<string> {
  const folder = await Deno.makeTempDir();
  for (const [name, bytes] of Object.entries(files)) {
    await Deno.writeFile(`${folder}/${name}`, bytes);
  }
  return folder;
}

async function numbers(tensor: tf.Tensor): Promise<number[]> {
  return [...await tensor.data() as Float32Array];
}

Deno.test("decodeIdx() reads each element type, big-endian", () => {
  const bytes = (type: number, size: number, ...values: number[]) =>
    decodeIdx(idx([values.length / size], values, type)).data;
  assertEquals(bytes(0x08, 1, 200), Uint8Array.of(200));
  assertEquals(bytes(0x09, 1, 200), Int8Array.of(-56));
  assertEquals(bytes(0x0b, 2, 0xff, 0xfe), Int16Array.of(-2));
  assertEquals(bytes(0x0c, 4, 0, 1, 0, 0), Int32Array.of(65536));
  assertEquals(bytes(0x0d, 4, 0x3f, 0x80, 0, 0), Float32Array.of(1));
  assertEquals(bytes(0x0e, 8, 0x40, 0, 0, 0, 0, 0, 0, 0), Float64Array.of(2));
});

Deno.test("decodeIdx() reports what is wrong with a file", () => {
  const message = (bytes: Uint8Array) =>
    assertThrows(() => decodeIdx(bytes, "f")) as Error;
  const good = idx([2, 2], [1, 2, 3, 4]);
  assertStringIncludes(
    message(good.subarray(0, 14)).message,
    "truncated: it holds 14 of 16",
  );
  assertStringIncludes(
    message(good.subarray(0, 6)).message,
    "truncated: it holds 6 of 12",
  );
  assertStringIncludes(
    message(Uint8Array.of(...good, 0)).message,
    "describes 16 bytes",
  );
  assertInstanceOf(message(Uint8Array.of(1, 2, 3, 4)), TypeError);
  assertInstanceOf(message(idx([1], [0], 7)), TypeError);
  assertInstanceOf(message(new Uint8Array()), TypeError);
});

Deno.test("readIdx() reads gzip whatever the file name, and reports truncated files", async () => {
  const zipped = await gzip(idx([3], [7, 8, 9]));
  const folder = await folderOf({
    "zipped": zipped,
    "cut": zipped.subarray(0, zipped.length - 9),
  });
  assertEquals(
    (await readIdx(`${folder}/zipped`)).data,
    Uint8Array.of(7, 8, 9),
  );
  await assertRejects(
    () => readIdx(`${folder}/cut`),
    RangeError,
    "truncated or damaged",
  );
  await assertRejects(
    () => readIdx(`${folder}/none`),
    RangeError,
    "no such file",
  );
  await Deno.remove(folder, { recursive: true });
});

Deno.test("readIdxDirectory() finds the four files and checks that they belong together", async () => {
  const files = {
    "train-images-idx3-ubyte.gz": await gzip(idx([2, 1, 2], [1, 2, 3, 4])),
    "train-labels-idx1-ubyte": idx([2], [0, 1]),
    "t10k-images-idx3-ubyte": idx([1, 1, 2], [5, 6]),
    "t10k-labels-idx1-ubyte": idx([1], [1]),
  };
  const folder = await folderOf(files);
  const { train, test } = await readIdxDirectory(folder);
  assertEquals([train.images.shape, test.labels.shape], [[2, 1, 2], [1]]);
  await Deno.writeFile(`${folder}/train-labels-idx1-ubyte`, idx([1], [0]));
  await assertRejects(
    () => readIdxDirectory(folder),
    RangeError,
    "2 images and 1 labels",
  );
  await Deno.remove(`${folder}/t10k-labels-idx1-ubyte`);
  await Deno.writeFile(`${folder}/train-labels-idx1-ubyte`, idx([2], [0, 1]));
  await assertRejects(
    () => readIdxDirectory(folder),
    RangeError,
    "t10k-labels-idx1-ubyte",
  );
  await Deno.remove(folder, { recursive: true });
  await assertRejects(
    () => readIdxDirectory(folder),
    RangeError,
    "does not exist",
  );
});

Deno.test("parseCsv() follows RFC 4180", () => {
  const table = parseCsv('\ufeffa,"b ""c"""\r\n1,"x,\ny"\r\n\n2,');
  assertEquals(table.columns, ["a", 'b "c"']);
  assertEquals(table.rows, [["1", "x,\ny"], ["2", ""]]);
  assertEquals(parseCsv("1;2", { separator: ";", header: false }).columns, [
    "0",
    "1",
  ]);
});

Deno.test("parseCsv() and csvNumbers() report the position of an error", async () => {
  assertThrows(() => parseCsv("a,b\n1\n"), RangeError, "line 2 has 1");
  assertThrows(() => parseCsv('a\n"x'), RangeError, "line 2 is not");
  assertThrows(() => parseCsv("a,a\n"), RangeError, '"a" twice');
  const table = parseCsv("a,b\n1,x\n");
  assertThrows(() => csvNumbers(table, ["b"]), RangeError, 'row 1 has "x"');
  assertThrows(
    () => csvNumbers(table, ["c"]),
    RangeError,
    'the table must have the column "c": there are "a", "b"',
  );
  assertThrows(
    () => parseCsv("a;b\n1,5;2\n"),
    RangeError,
    'as the first, 1, with "," between them (see the option separator)',
  );
  const folder = await folderOf({
    "t.csv.gz": await gzip(new TextEncoder().encode("a\n4\n")),
  });
  assertEquals([...csvNumbers(await readCsv(`${folder}/t.csv.gz`)).data], [4]);
  await Deno.writeFile(`${folder}/bad.txt`, Uint8Array.of(0xff, 0xfe));
  await assertRejects(() => readText(`${folder}/bad.txt`), RangeError, "UTF-8");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("Dataset maps, takes and splits the examples of all columns together", () => {
  const data = new Dataset([
    column(Float32Array.from({ length: 10 }, (_, i) => i), [2]),
    column(Int32Array.of(0, 1, 2, 3, 4)),
  ]);
  const [a, b] = data.split(0.6, { random: new RandomState(3) });
  assertEquals([a.length, b.length], [3, 2]);
  for (const part of [a, b]) {
    part.columns[1].data.forEach((label, i) =>
      assertEquals(part.columns[0].data[2 * i], 2 * label)
    );
  }
  assertEquals(data.take([4, 0]).columns[1].data, Int32Array.of(4, 0));
  const sums = data.map((
    row,
    label,
  ) => [Float32Array.of(row[0]! + row[1]!, label[0]!, 1)]);
  assertEquals(sums.columns[0].shape, [3]);
  assertEquals([...sums.columns[0].data.subarray(3, 6)], [5, 1, 1]);
  assertThrows(() => data.take([5]), RangeError, "[0, 5)");
  assertThrows(() => data.split(5), RangeError, "both of its parts");
  assertThrows(
    () => column(Float32Array.of(1, 2, 3), [2]),
    RangeError,
    "3 values",
  );
  assertThrows(
    () => new Dataset([column(Int32Array.of(1)), column(Int32Array.of(1, 2))]),
    RangeError,
    "[1, 2]",
  );
});

onEachBackend(
  "batches() yields every example once and frees its tensors",
  async () => {
    const before = tf.memory().numTensors;
    const image = tf.tensor2d([[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]);
    const label = Int32Array.of(0, 1, 2, 3, 4);
    for (const shuffle of [false, true]) {
      const seen: number[] = [];
      const source = batches([image, label], {
        batchSize: 2,
        shuffle,
        random: new RandomState(1),
      });
      assertEquals(source.length, 3);
      for (const [x, y] of source) {
        const rows = await numbers(x);
        const labels = await numbers(y);
        assertEquals(rows, labels.flatMap((i) => [2 * i, 2 * i + 1]));
        assertEquals(y.dtype, "int32");
        seen.push(...labels);
      }
      assertEquals(seen.toSorted(), [0, 1, 2, 3, 4]);
      assertEquals(seen.join() !== "0,1,2,3,4", shuffle);
    }
    for (
      const [x] of batches([image], { batchSize: 2 })
    ) if (x.shape[0] === 2) break;
    assertThrows(
      () => {
        const map = (x: tf.Tensor2D): [tf.Tensor] => {
          tf.square(x);
          throw new Error("in map");
        };
        for (const _ of batches([image], { map })) { /* never here */ }
      },
      Error,
      "in map",
    );
    image.dispose();
    assertEquals(tf.memory().numTensors, before);
  },
);

onEachBackend(
  "batches() resumes in the middle of a pass",
  async () => {
    const data = Int32Array.from({ length: 23 }, (_, i) => i);
    const labels = async (source: Iterable<readonly tf.Tensor[]>) => {
      const all: number[] = [];
      for (const [x] of source) all.push(...await numbers(x!));
      return all;
    };
    const make = () => {
      const random = new RandomState(5);
      return {
        random,
        source: batches([data], { batchSize: 4, shuffle: true, random }),
      };
    };
    const straight = make();
    const first = await labels(straight.source);
    const second = await labels(straight.source);
    assertNotEquals(first, second);

    const killed = make();
    let place, key;
    for (const [x] of killed.source) {
      if ((await numbers(x))[0] !== first[8]) continue; // the third batch
      place = JSON.parse(JSON.stringify(killed.source.stateDict()));
      key = killed.random.value;
      break;
    }
    const resumed = make();
    resumed.random.value = key!;
    resumed.source.loadStateDict(place);
    assertEquals(await labels(resumed.source), first.slice(12));
    assertEquals(await labels(resumed.source), second);
    assertThrows(
      () => resumed.source.loadStateDict({ order: null, position: 1 }),
      RangeError,
      "6 shuffled batches",
    );
  },
  { only: ["cpu"] },
);

onEachBackend("batches() applies `map` to each batch", async () => {
  const pixels = Uint8Array.of(0, 255, 51, 102);
  const source = batches([column(pixels, [2])], {
    batchSize: 1,
    map: (x) => [tf.div<tf.Tensor2D>(x, 255)],
  });
  const values: number[] = [];
  for (const [x] of source) values.push(...await numbers(x));
  assertEquals(values.map((v) => Math.round(v * 10)), [0, 10, 2, 4]);
  const cases = [
    [(x: tf.Tensor) => tf.neg(x), " must be a list: current value is a tensor"],
    [
      (x: tf.Tensor) => Promise.resolve([x]),
      " must be a list: current value is an instance of Promise",
    ],
    [() => [1], "[0] must be a tensor: current value is 1"],
  ] as const;
  const before = tf.memory().numTensors;
  for (const [map, message] of cases) {
    for (
      const wrong of [
        batches([column(pixels, [2])], { map: map as never }),
        bucketByLength([[[1], [2, 3]]], {
          batchSize: 2,
          boundaries: [3],
          map: map as never,
        }),
      ]
    ) {
      assertThrows(
        () => [...wrong],
        TypeError,
        `Cannot make a batch: map(...)${message}`,
      );
    }
  }
  assertEquals(tf.memory().numTensors, before);
  assertThrows(
    () => batches([pixels], { batchSize: 0 }),
    RangeError,
    "batchSize",
  );
  assertThrows(
    () => batches([pixels], { batchSize: 9, dropLast: true }),
    RangeError,
    "there are 4",
  );
  assertThrows(() => batches([pixels, Int32Array.of(1)]), RangeError, "[4, 1]");
  assertEquals(batches([pixels], { batchSize: 3, dropLast: true }).examples, 3);
}, { only: ["cpu"] });

Deno.test("prefetch() reads ahead in order, throws errors of the source, and closes it", async () => {
  const events: string[] = [];
  async function* source() {
    try {
      for (let i = 0; i < 5; i++) {
        events.push(`read ${i}`);
        yield await Promise.resolve(i);
      }
    } finally {
      events.push("closed");
    }
  }
  for await (const i of prefetch(source(), { depth: 2 })) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    events.push(`used ${i}`);
    if (i === 1) break;
  }
  assertEquals(events.indexOf("read 2") < events.indexOf("used 0"), true);
  assertEquals(events.at(-1), "closed");
  const failing = (function* () {
    yield 1;
    throw new Error("disk");
  })();
  const seen: number[] = [];
  await assertRejects(
    async () => {
      for await (const i of prefetch(failing)) seen.push(i);
    },
    Error,
    "disk",
  );
  assertEquals(seen, [1]);
  assertThrows(() => prefetch([], { depth: 0 }), RangeError, "depth");
});

onEachBackend(
  "textWindows() pairs each window with the one a character later",
  async () => {
    const vocabulary = new Vocabulary("hello wörld 😀");
    const text = "hello wörld 😀 hello";
    const tokens = vocabulary.encode(text);
    assertEquals(vocabulary.decode(tokens), text);
    const before = tf.memory().numTensors;
    const options = { batchSize: 2, context: 4, count: 3 };
    for (
      const [x, y] of textWindows(tokens, {
        ...options,
        random: new RandomState(1),
      })
    ) {
      const [now, next] = [await numbers(x), await numbers(y)];
      assertEquals([x.shape, x.dtype], [[2, 4], "int32"]);
      assertStringIncludes(text, vocabulary.decode(now.slice(0, 4)));
      assertEquals(next.slice(0, 3), now.slice(1, 4));
    }
    assertEquals(tf.memory().numTensors, before);
    assertThrows(() => vocabulary.encode("x"), RangeError, '"x"');
    assertThrows(() => vocabulary.decode([99]), RangeError, "99");
    assertThrows(
      () => textWindows(tokens.slice(0, 4), options),
      RangeError,
      "longer than",
    );
  },
  { only: ["cpu"] },
);
