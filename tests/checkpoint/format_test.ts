import { assert, assertEquals, assertThrows } from "@std/assert";
import { encode, type ValueType } from "@std/msgpack";
import { crc32, portableCrc32 } from "../../internal/crc32.ts";
import { CheckpointError, LIBRARY_VERSION } from "../../checkpoint/format.ts";
import { scan } from "../../checkpoint/scan.ts";
import { fromValue, toValue } from "../../checkpoint/tree.ts";
import config from "../../deno.json" with { type: "json" };

Deno.test("files carry the version of deno.json", () => {
  assertEquals(LIBRARY_VERSION, config.version);
});

Deno.test("crc32() gives the check value of CRC-32, with and without native code", () => {
  const check = new TextEncoder().encode("123456789");
  assertEquals(crc32(check), 0xcbf43926);
  for (const length of [0, 1, 7, 8, 9, 63, 1000]) {
    const bytes = crypto.getRandomValues(new Uint8Array(length));
    assertEquals(portableCrc32(bytes), crc32(bytes), `${length} bytes`);
    for (const crc of [crc32, portableCrc32]) {
      const half = bytes.subarray(0, length / 2);
      const rest = bytes.subarray(half.length);
      assertEquals(crc(rest, crc(half)), crc32(bytes), "in two pieces");
    }
    // A view that does not begin where its buffer does.
    const shifted = new Uint8Array(length + 5).subarray(5);
    shifted.set(bytes);
    assertEquals(crc32(shifted), crc32(bytes));
  }
});

Deno.test("scan() passes whatever is encoded", () => {
  const values: ValueType[] = [
    null,
    -5,
    2 ** 40,
    12n,
    "é",
    "x".repeat(300),
    "x".repeat(70000),
    new Uint8Array(300),
    new Uint8Array(70000),
    [],
    new Array<number>(20).fill(7),
    new Array<string>(70000).fill(""),
    { a: { b: [1, 0.5, { c: true }] } },
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, i])),
    Object.fromEntries(Array.from({ length: 70000 }, (_, i) => [`k${i}`, i])),
  ];
  for (const value of values) scan(encode(value), "test");
});

Deno.test("scan() refuses what is not safe to decode", () => {
  const nested = "91".repeat(200) + "c0";
  const cases: [name: string, bytes: string, message: string][] = [
    ["nothing", "", "ends early"],
    ["a string that ends early", "a361", "no room for 3 bytes"],
    ["a length that ends early", "da00", "ends early"],
    ["a number that ends early", "cb0000", "no room for 8 bytes"],
    ["a huge binary", "c6ffffffff00", "no room"],
    ["a huge string", "dbffffffff00", "no room"],
    ["a huge array", "ddffffffff00", "no room"],
    ["a huge map", "dfffffffff00", "no room"],
    ["more than one value", "0000", "follow its end"],
    ["deep nesting", nested, "levels deep"],
    ["deep nesting of maps", "81a161".repeat(150) + "c0", "levels deep"],
    ["__proto__", "81a95f5f70726f746f5f5f80", "__proto__"],
    ["a number as a key", "810102", "a key is no string"],
    ["a list as a key", "819002", "a key is no string"],
    ["nil as a key", "81c002", "a key is no string"],
    ["an extension", "d60100000000", "0xd6"],
    ["the byte that is never used", "c1", "0xc1"],
    ["text that is not UTF-8", "a2c328", "UTF-8"],
    ["millions of values", "dd02000000" + "c0".repeat(2 ** 25), "values"],
  ];
  for (const [name, bytes, message] of cases) {
    assertThrows(
      () => scan(Uint8Array.fromHex(bytes), "test"),
      CheckpointError,
      message,
      name,
    );
  }
});

/** Values that must come back as they are, to the sign of zero. */
const DATA: unknown[] = [
  null,
  undefined,
  true,
  0,
  -0,
  NaN,
  -Infinity,
  2 ** 53 - 1,
  -(2 ** 40),
  0.1,
  5e-324,
  0n,
  -(2n ** 100n),
  "",
  "path.to.weight",
  "\ufeffa byte order mark",
  "half of a pair: \ud800",
  [],
  [1, [undefined, -0]],
  {},
  { a: { b: undefined } },
  { $tensor: 3 },
  { $tensor: 3, b: 1 },
  { a: { $map: { $undefined: null } } },
  new Int8Array([-1]),
  new Uint8Array([1, 2]),
  new Uint8ClampedArray([255]),
  new Int16Array([-300]),
  new Uint16Array([60000]),
  new Int32Array([-70000]),
  new Uint32Array([4e9]),
  new Float32Array([0.1, -0, NaN]),
  new Float64Array([0.1]),
  new BigInt64Array([-5n]),
  new BigUint64Array([2n ** 64n - 1n]),
  new Float32Array([1, 2, 3, 4]).subarray(1, 3),
];

Deno.test("plain data is loaded unchanged", () => {
  const none = () => {
    throw new Error("no tensors here");
  };
  for (const data of DATA) {
    const back = fromValue(toValue(data, "x", none), "x", none);
    assertEquals(back, data);
    assertEquals(Deno.inspect(back), Deno.inspect(data));
  }
});

Deno.test("values that are not plain data are refused with their path", () => {
  const circle: Record<string, unknown> = {};
  circle.again = circle;
  const cases: [unknown, new (message: string) => Error, string][] = [
    [
      new Date(),
      TypeError,
      "x.a.0: it must be plain data: current value is a Date",
    ],
    [new Map(), TypeError, "a Map"],
    [() => 1, TypeError, "a function"],
    [Symbol("s"), TypeError, "a symbol"],
    [JSON.parse('{"__proto__": 1}'), TypeError, '"__proto__" is not allowed'],
    [{ "\ud800": 1 }, TypeError, "is not allowed"],
    [circle, RangeError, "in no circle"],
    [10n ** 5000n, RangeError, "4096 digits"],
  ];
  for (const [value, Class, message] of cases) {
    assertThrows(() => toValue({ a: [value] }, "x", () => 0), Class, message);
  }
});

Deno.test("unknown tags are refused", () => {
  const cases: ValueType[] = [
    { $tensor: "1" },
    { $number: "1" },
    { $bigint: "0x10" },
    { $bigint: "1".repeat(5000) },
    { $undefined: 1 },
    { $text: new Uint8Array(3) },
    { $Float32Array: new Uint8Array(3) },
    { $Float32Array: [1] },
    { $Function: "alert()" },
    { $constructor: new Uint8Array(4) },
    { $: null },
  ];
  for (const value of cases) {
    assertThrows(
      () => fromValue(value, "x", () => 0),
      CheckpointError,
      "sense",
    );
  }
  assert(fromValue({ $map: { $number: 1 } }, "x", () => 0));
});
