/** Files of NumPy, against those that NumPy wrote (scripts/golden/npy.py). */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { gzipSync } from "node:zlib";
import { data } from "../../mod.ts";
import type { NpyArray } from "../../data/mod.ts";
import { inFolder } from "../_folder.ts";

const folder = new URL("../golden/npy/", import.meta.url);
const golden: Record<
  string,
  { readonly shape: number[]; readonly values: number[] }
> = JSON.parse(await Deno.readTextFile(new URL("values.json", folder)));
const file = (name: string) => Deno.readFileSync(new URL(name, folder));

/** The arrays that values of each dtype come in. */
const ARRAYS: Record<string, string> = {
  b1: "Uint8Array",
  u1: "Uint8Array",
  i1: "Int8Array",
  u2: "Uint16Array",
  i2: "Int16Array",
  u4: "Uint32Array",
  i4: "Int32Array",
  u8: "Int32Array",
  i8: "Int32Array",
  f2: "Float32Array",
  f4: "Float32Array",
  f8: "Float64Array",
  large: "Float64Array",
};

for (const [name, { shape, values }] of Object.entries(golden)) {
  Deno.test(`the array of NumPy's file ${name}.npy is read`, async () => {
    const array = await data.readNpy(new URL(`${name}.npy`, folder));
    assertEquals(array.shape, shape);
    assertEquals([...array.data], values.map((x) => x + 0));
    const kind = ARRAYS[name.split("_")[0]!];
    if (kind) assertEquals(array.data.constructor.name, kind);
  });
}

/** Files that NumPy would write in the same bytes. */
const SAME = ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"]
  .map((dtype) => `${dtype}_little`)
  .concat("scalar", "empty", "axis");

for (const name of SAME) {
  Deno.test(`encodeNpy() writes ${name}.npy in NumPy's bytes`, () => {
    const bytes = file(`${name}.npy`);
    assertEquals(data.encodeNpy(data.decodeNpy(bytes)), bytes);
  });
}

Deno.test("arrays of views and gzip files are read and written", async () => {
  const all = Float32Array.of(9, 1, 2, 3, 9);
  const part = { shape: [3], data: all.subarray(1, 4) };
  const bytes = data.encodeNpy(part);
  assertEquals([...data.decodeNpy(bytes).data], [1, 2, 3]);
  await inFolder(async (folder) => {
    await Deno.writeFile(`${folder}/a.npy.gz`, gzipSync(bytes));
    assertEquals((await data.readNpy(`${folder}/a.npy.gz`)).shape, [3]);
  });
});

for (const name of ["stored", "deflated"]) {
  Deno.test(`the arrays of NumPy's ${name}.npz are read`, async () => {
    const { x, labels, ...rest } = await data.readNpz(
      new URL(`${name}.npz`, folder),
    );
    assertEquals(rest, {});
    assertEquals(labels, { shape: [3], data: Int32Array.of(0, 1, 2) });
    assertEquals(
      x,
      name === "stored"
        ? { shape: [2, 3], data: Float32Array.of(0, 1, 2, 100, 127, 5) }
        : { shape: [50, 50], data: new Float32Array(2500) },
    );
  });
}

Deno.test("encodeNpz() writes what decodeNpz() reads, and other programs do", async () => {
  const arrays = {
    "weights é": { shape: [2, 1], data: Float64Array.of(0.1, -2) },
    empty: { shape: [0], data: new Uint8Array() },
  };
  const bytes = data.encodeNpz(arrays);
  assertEquals(data.decodeNpz(bytes), arrays);
  assertEquals(data.decodeNpz(data.encodeNpz({})), {});
  const unzip = await new Deno.Command("unzip", { args: ["-v"] }).output()
    .catch(() => null);
  if (!unzip?.success) {
    console.log("unzip is not tried on a .npz file: there is no such program");
    return;
  }
  await inFolder(async (folder) => {
    await Deno.writeFile(`${folder}/a.npz`, bytes);
    const { success, stdout } = await new Deno.Command("unzip", {
      args: ["-t", `${folder}/a.npz`],
    }).output();
    assert(success, new TextDecoder().decode(stdout));
  });
});

Deno.test("files of other dtypes, damaged and cut ones are refused", async () => {
  const good = file("f4_little.npy"), npz = file("stored.npz");
  const changed = (bytes: Uint8Array, at: number) =>
    bytes.map((byte, i) => i === at ? byte ^ 1 : byte);
  const longHeader = new Uint8Array(300_000); // of version 2, with 2^18 zeros
  longHeader.set([...good.subarray(0, 6), 2, 0, 0, 0, 4, 0]);
  const bad: [call: () => unknown, Error: typeof Error, message: string][] = [
    [
      () => data.decodeNpy(file("refused_huge.npy")),
      RangeError,
      "within ±2^53",
    ],
    [() => data.decodeNpy(file("refused_complex.npy")), TypeError, "<c16"],
    [() => data.decodeNpy(file("refused_text.npy")), TypeError, "<U1"],
    [
      () => data.decodeNpy(file("refused_records.npy")),
      TypeError,
      "a dtype of one element",
    ],
    [() => data.decodeNpy(good.subarray(0, 140)), RangeError, "describes 152"],
    [
      () => data.decodeNpy(Uint8Array.of(...good, 0)),
      RangeError,
      "current length is 153",
    ],
    [() => data.decodeNpy(good.subarray(0, 9)), RangeError, "it has 9 bytes"],
    [() => data.decodeNpy(new Uint8Array()), TypeError, "it begins with []"],
    [() => data.decodeNpy(changed(good, 1)), TypeError, "must begin as a .npy"],
    // of version 0
    [() => data.decodeNpy(changed(good, 6)), TypeError, "must begin as a .npy"],
    [() => data.decodeNpy([1] as never), TypeError, "must be a Uint8Array"],
    [
      () => data.decodeNpy(longHeader),
      TypeError,
      "its header must have a dtype of one element",
    ],
    [() => data.decodeNpz(good), TypeError, "must be a zip archive"],
    [
      () => data.decodeNpz(new Uint8Array()),
      TypeError,
      "must be a zip archive",
    ],
    [() => data.decodeNpz(changed(npz, 200)), RangeError, "is damaged"],
    [
      () => data.decodeNpz(changed(file("deflated.npz"), 80)),
      RangeError,
      "damaged",
    ],
    [
      () => data.encodeNpy({ shape: [2], data: Float32Array.of(1) }),
      RangeError,
      "the array.shape must be of 1 elements",
    ],
    [
      () => data.encodeNpy({ shape: [1], data: [1] } as never),
      TypeError,
      "the array.data must be an array of integers",
    ],
    [
      () => data.encodeNpz({ x: { shape: [0.5], data: new Uint8Array() } }),
      RangeError,
      "x.shape[0] must be a nonnegative integer",
    ],
    [() => data.encodeNpz(null as never), TypeError, "the arrays must be"],
  ];
  for (const [call, ErrorClass, message] of bad) {
    const error = assertThrows(call, ErrorClass, message);
    assert(error.message.startsWith("Cannot "), error.message);
  }
  for (const read of [data.readNpy, data.readNpz]) {
    await assertRejects<Error>(
      () => (read as (path: string) => Promise<unknown>)("/none.npy"),
      RangeError,
      "Cannot read /none.npy: there is no such file",
    );
  }
});

Deno.test("an array of a NumPy file is a column of examples", async () => {
  const { shape, data: values }: NpyArray = await data.readNpy(
    new URL("i8_little.npy", folder),
  );
  const column = data.column(values, shape.slice(1));
  assertEquals(new data.Dataset([column]).length, 2);
});
