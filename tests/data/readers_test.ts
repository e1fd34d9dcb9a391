/** Files as people have them: archives, preambles, names of other data sets. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { gzipSync } from "node:zlib";
import { csvNumbers, parseCsv, readCsv } from "../../data/csv.ts";
import { readText } from "../../data/files.ts";
import { decodeIdx, readIdx } from "../../data/idx.ts";
import { readIdxDirectory } from "../../data/idx_directory.ts";
import { textWindows } from "../../data/text.ts";

const text = (content: string) => new TextEncoder().encode(content);

async function inFolder(
  files: Readonly<Record<string, Uint8Array>>,
  fn: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, bytes] of Object.entries(files)) {
      await Deno.writeFile(`${folder}/${name}`, bytes);
    }
    await fn(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** An IDX file of bytes, with one value for each cell of `shape`. */
function idx(...shape: number[]): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  header.setUint16(2, 0x0800 + shape.length);
  shape.forEach((n, i) => header.setUint32(4 + 4 * i, n));
  const count = shape.reduce((a, b) => a * b, 1);
  const values = Uint8Array.from({ length: count }, (_, i) => i);
  return Uint8Array.of(...new Uint8Array(header.buffer), ...values);
}

Deno.test("a gzip file of several members is read to its end", async () => {
  const parts = ["a,b\n1,2\n", "3,4\n", "5,6\n"];
  const members = parts.flatMap((part) => [...gzipSync(text(part))]);
  await inFolder({ "t.csv.gz": Uint8Array.from(members) }, async (folder) => {
    assertEquals(await readText(`${folder}/t.csv.gz`), parts.join(""));
    const table = await readCsv(`${folder}/t.csv.gz`);
    assertEquals([...csvNumbers(table).data], [1, 2, 3, 4, 5, 6]);
  });
});

Deno.test("a gzip file that unpacks to far more than it holds needs maxBytes", async () => {
  // 84 MB of spaces in 81 kB: more than 100 times as many.
  const bomb = gzipSync(new Uint8Array(84e6).fill(32));
  await inFolder({ bomb, small: gzipSync(text("1,2\n")) }, async (folder) => {
    const path = `${folder}/bomb`;
    for (const read of [readText, readCsv, readIdx]) {
      const error = await assertRejects(() => read(path), RangeError);
      assertStringIncludes(error.message, `Cannot read ${path}`);
      assertStringIncludes(error.message, "maxBytes");
    }
    assertEquals((await readText(path, { maxBytes: 84e6 })).length, 84e6);
    await assertRejects(
      () => readText(`${folder}/small`, { maxBytes: 3 }),
      RangeError,
      "at most 3 bytes",
    );
    for (const maxBytes of [0, -1, 1.5, NaN, "9" as never]) {
      await assertRejects(
        () => readText(`${folder}/small`, { maxBytes }),
        Error,
        "maxBytes must be a positive integer",
      );
    }
  });
});

Deno.test("the lines before a table are skipped when skipLines counts them", async () => {
  const table = 'sensor 7, "roof"\n# unit: K\nx,y\n1,2\n3,4\n';
  assertEquals(parseCsv(table, { skipLines: 2 }), {
    columns: ["x", "y"],
    rows: [["1", "2"], ["3", "4"]],
  });
  assertEquals(parseCsv("\ufeff#\r\nx\r\n1\r\n", { skipLines: 1 }).rows, [
    ["1"],
  ]);
  assertEquals(parseCsv("#\n1,2\n", { skipLines: 1, header: false }).rows, [
    ["1", "2"],
  ]);
  assertThrows(
    () => parseCsv("#\nx,y\n1\n", { skipLines: 1 }),
    RangeError,
    "the one in line 3 has 1",
  );
  assertThrows(
    () => parseCsv("x\n1", { skipLines: 5 }),
    RangeError,
    "skipLines must be less than the number of lines, 2: current value is 5",
  );
  assertThrows(
    () => parseCsv("x\n1", { skipLines: -1 }),
    RangeError,
    "skipLines must be a nonnegative integer",
  );
  await inFolder({ "t.csv": text("#\nx\n8\n") }, async (folder) => {
    const read = await readCsv(`${folder}/t.csv`, { skipLines: 1 });
    assertEquals(read.rows, [["8"]]);
    await assertRejects(
      () => readCsv(`${folder}/t.csv`, { skipRows: 1 } as never),
      TypeError,
      'there is no option "skipRows": did you mean "skipLines"?',
    );
  });
});

Deno.test("a table of 80,000 columns takes about 8 times as long as one of 10,000, not 64", () => {
  const seconds = (columns: number) => {
    const names = Array.from({ length: columns }, (_, i) => `gene${i}`).join();
    const values = Array(columns).fill("1").join();
    const start = performance.now();
    csvNumbers(parseCsv(`${names}\n${values}\n`));
    return performance.now() - start;
  };
  seconds(1000); // compiled
  const least = (columns: number) =>
    Math.min(...[1, 2, 3, 4, 5].map(() => seconds(columns)));
  const few = least(10_000), many = least(80_000);
  assert(many < 24 * few, `${few} ms, then ${many} ms`);
});

Deno.test("names twice in a header are refused among many columns", () => {
  assertThrows(
    () => parseCsv("a,b,constructor,a\n1,2,3,4"),
    RangeError,
    'names "a" twice',
  );
});

/** Names of published data sets, as they come out of their archives. */
const IMAGE_FILES: Readonly<Record<string, readonly string[]>> = {
  "MNIST, zipped": [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
  ],
  "MNIST, with dots": [
    "train-images.idx3-ubyte",
    "train-labels.idx1-ubyte",
    "t10k-images.idx3-ubyte",
    "t10k-labels.idx1-ubyte",
  ],
  "EMNIST": [
    "emnist-letters-train-images-idx3-ubyte",
    "emnist-letters-train-labels-idx1-ubyte",
    "emnist-letters-test-images-idx3-ubyte.gz",
    "emnist-letters-test-labels-idx1-ubyte.gz",
  ],
};

for (const [title, names] of Object.entries(IMAGE_FILES)) {
  Deno.test(`readIdxDirectory() finds the files of ${title}`, async () => {
    const contents = [idx(3, 2, 2), idx(3), idx(2, 2, 2), idx(2)];
    const files = Object.fromEntries(names.map((name, i) => {
      const bytes = contents[i]!;
      return [name, name.endsWith(".gz") ? gzipSync(bytes) : bytes];
    }));
    await inFolder(files, async (folder) => {
      const found = await readIdxDirectory(folder);
      assertEquals(found.train.images.shape, [3, 2, 2]);
      assertEquals(found.test.labels.shape, [2]);
      const byUrl = await readIdxDirectory(new URL(`file://${folder}`));
      assertEquals(byUrl.train.labels.data, found.train.labels.data);
    });
  });
}

Deno.test("of several data sets in a directory one is chosen by name", async () => {
  const files: Record<string, Uint8Array> = {};
  for (const [set, count] of [["emnist-digits", 1], ["emnist-letters", 2]]) {
    for (const part of ["train", "test"]) {
      files[`${set}-${part}-images-idx3-ubyte`] = idx(Number(count), 1, 1);
      files[`${set}-${part}-labels-idx1-ubyte`] = idx(Number(count));
    }
  }
  await inFolder(files, async (folder) => {
    const dataset = "emnist-letters";
    const { train } = await readIdxDirectory(folder, { dataset });
    assertEquals(train.images.shape, [2, 1, 1]);
    await assertRejects(
      () => readIdxDirectory(folder),
      RangeError,
      'dataset must be one of "emnist-digits", "emnist-letters"',
    );
    await assertRejects(
      () => readIdxDirectory(folder, { dataset: "emnist-balanced" }),
      RangeError,
      "it must hold emnist-balanced-train-images-idx3-ubyte",
    );
  });
});

Deno.test("IDX headers that no tensor can have are refused, also with a size of 0", () => {
  assertThrows(
    () => decodeIdx(idx(...Array(40).fill(1).fill(0, 0, 1))),
    RangeError,
    "the number of axes must be at most 6: current value is 40",
  );
  const huge = idx(0, 0, 0, 0);
  const view = new DataView(huge.buffer);
  for (let i = 1; i < 4; i++) view.setUint32(4 + 4 * i, 0xffffffff);
  assertThrows(() => decodeIdx(huge), RangeError, "the product of its sizes");
  assertEquals(decodeIdx(idx(0, 28, 28)).shape, [0, 28, 28]);
});

Deno.test("integers of a table that float32 would change are int32, or refused", () => {
  const numbers = (...fields: string[]) =>
    csvNumbers(parseCsv(`a\n${fields.join("\n")}\n`)).data;
  assertEquals(numbers("1", "2"), Float32Array.of(1, 2));
  assertEquals(numbers("0.1", "2"), Float32Array.of(0.1, 2));
  assertEquals(numbers("16777217", "-3"), Int32Array.of(16777217, -3));
  assertEquals(numbers("4294967296"), Float32Array.of(2 ** 32));
  assertThrows(
    () => numbers("3000000001"),
    RangeError,
    "the values must be integers that int32 or float32 can represent",
  );
  assertThrows(() => numbers("1e39"), RangeError, "the range of float32");
});

Deno.test("textWindows() refuses tokens that are not an Int32Array", () => {
  for (const tokens of [[1, 2, 3], Float32Array.of(1, 2, 3), "abc"]) {
    assertThrows(
      () => textWindows(tokens as never, { batchSize: 1, context: 1 }),
      TypeError,
      "tokens must be an Int32Array",
    );
  }
});
