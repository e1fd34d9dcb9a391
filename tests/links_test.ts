import {
  assert,
  assertArrayIncludes,
  assertEquals,
  AssertionError,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { decode, encode, type ValueType } from "@std/msgpack";

const hex = (bytes: Uint8Array) => bytes.toHex();

/** What `@std/msgpack` 1.0.3 writes, by its tests and source. */
const WRITTEN: [value: ValueType, bytes: string][] = [
  [null, "c0"],
  [false, "c2"],
  [true, "c3"],
  [0, "00"],
  [-0, "00"],
  [127, "7f"],
  [128, "cc80"],
  [255, "ccff"],
  [2000, "cd07d0"],
  [70000, "ce00011170"],
  [2 ** 32 - 1, "ceffffffff"],
  [2 ** 32, "cb41f0000000000000"],
  [20000000000, "cb4212a05f20000000"],
  [2 ** 53, "cb4340000000000000"],
  [-1, "ff"],
  [-32, "e0"],
  [-33, "d0df"],
  [-127, "d081"],
  [-1000, "d1fc18"],
  [-60000, "d2ffff15a0"],
  [-(2 ** 31), "d280000000"],
  [-(2 ** 31) - 1, "cbc1e0000000200000"],
  [-600000000000, "cbc26176592e000000"],
  [0.3, "cb3fd3333333333333"],
  [Infinity, "cb7ff0000000000000"],
  [0n, "cf0000000000000000"],
  [-10n, "d3fffffffffffffff6"],
  [9999999999999999999n, "cf8ac7230489e7ffff"],
  [2n ** 64n - 1n, "cfffffffffffffffff"],
  [-(2n ** 63n), "d38000000000000000"],
  ["hello", "a568656c6c6f"],
  ["\ud800", "a3efbfbd"],
  [new Uint8Array([1, 2]), "c4020102"],
  [[1, "a", null], "9301a161c0"],
  [{ a: 1 }, "81a16101"],
  [{ 7: true }, "81a137c3"],
];

Deno.test("msgpack encode() writes each kind of value as @std/msgpack does", () => {
  for (const [value, bytes] of WRITTEN) {
    assertEquals(hex(encode(value)), bytes, `${value}`);
  }
  const nothing: ValueType = Object.create(null);
  assertEquals(hex(encode(nothing)), "80");
  assertEquals(hex(encode("a".repeat(255))).slice(0, 6), "d9ff61");
  assertEquals(hex(encode("a".repeat(65536))).slice(0, 12), "db0001000061");
  assertEquals(hex(encode(new Uint8Array(256))).slice(0, 8), "c5010000");
  assertEquals(hex(encode(new Uint8Array(65536))).slice(0, 10), "c600010000");
  assertEquals(
    hex(encode(new Array<number>(16).fill(0))).slice(0, 6),
    "dc0010",
  );
});

Deno.test("msgpack encode() returns bytes in a buffer of their own", () => {
  const bytes = encode([new Uint8Array(5000), 1]);
  assertEquals(bytes.byteOffset, 0);
  assertEquals(bytes.buffer.byteLength, bytes.byteLength);
});

Deno.test("msgpack encode() refuses what @std/msgpack refuses", () => {
  const refused: unknown[] = [
    undefined,
    new Float32Array(2),
    new Uint8ClampedArray(2),
    new DataView(new ArrayBuffer(1)),
    new Date(0),
    new Map(),
    new Set(),
    Symbol("a"),
    () => 1,
    new (class A {})(),
    2n ** 64n,
    -(2n ** 63n) - 1n,
  ];
  for (const value of refused) {
    for (const nested of [value, [value], { a: value }]) {
      assertThrows(() => encode(nested as ValueType), Error);
    }
  }
  assertThrows(() => encode(undefined as unknown as ValueType), TypeError);
  assertThrows(
    () => encode(new Date(0) as unknown as ValueType),
    Error,
    "Cannot safely encode value into messagepack",
  );
  assertThrows(
    () => encode(2n ** 64n),
    Error,
    "Cannot safely encode bigint larger than 64 bits",
  );
});

Deno.test("msgpack decode() reads each kind of value as @std/msgpack does", () => {
  const read: [bytes: string, value: ValueType][] = [
    ["cfffffffffffffffff", 18446744073709551615n],
    ["cf0000000000000001", 1n],
    ["d38000000000000000", -9223372036854775808n],
    ["ceffffffff", 4294967295],
    ["ca43d25852", 420.69000244140625],
    ["cb41f0000000000000", 2 ** 32],
    ["d903686921", "hi!"],
    ["dc000201c0", [1, null]],
    ["dd0000000101", [1]],
    ["de0001a16102", { a: 2 }],
    ["df00000001a16102", { a: 2 }],
    ["810502", { 5: 2 }],
    ["c50002aabb", new Uint8Array([0xaa, 0xbb])],
  ];
  for (const [bytes, value] of read) {
    assertEquals(decode(Uint8Array.fromHex(bytes)), value, bytes);
  }
  for (const [value] of WRITTEN.filter(([value]) => value !== "\ud800")) {
    assertEquals(decode(encode(value)), value, `${value}`);
  }
});

Deno.test("msgpack decode() views the bytes it is given", () => {
  const bytes = encode([new Uint8Array([1, 2, 3])]);
  const [view] = decode(bytes) as [Uint8Array];
  assertEquals(view.buffer, bytes.buffer);
  const shifted = new Uint8Array(bytes.length + 3).subarray(3);
  shifted.set(bytes);
  assertEquals(decode(shifted), [new Uint8Array([1, 2, 3])]);
});

Deno.test("msgpack decode() throws for extensions, torn bytes and odd keys", () => {
  const extensions = ["c70100ff", "c8000100ff", "c90000000100ff", "d40001"]
    .concat(["d50001ff", "d60001ffffff", "d7ff0000000000000000"])
    .concat(["d800" + "00".repeat(16)]);
  for (const bytes of [...extensions, "c1", "91c1"]) {
    assertThrows(() => decode(Uint8Array.fromHex(bytes)), Error);
  }
  // Each begins a value that the bytes do not finish, or goes on after it.
  for (
    const bytes of ["", "d9", "a261", "c4", "c40501", "cb00", "92", "81a161"]
  ) {
    assertThrows(() => decode(Uint8Array.fromHex(bytes)), EvalError);
  }
  assertThrows(() => decode(Uint8Array.of(1, 2)), EvalError, "whole array");
  assertThrows(() => decode(Uint8Array.fromHex("81c001")), EvalError, "key");
  assertThrows(() => decode(Uint8Array.fromHex("819001")), EvalError, "key");
});

Deno.test("msgpack decode() lets __proto__ through, so it must be refused before", () => {
  const bytes = encode(JSON.parse('{"__proto__": {"polluted": 1}, "a": 2}'));
  const map = decode(bytes) as Record<string, unknown>;
  // A browser sets the map's prototype; Deno, which has disabled the setter,
  // makes an ordinary key.
  const own = Object.hasOwn(map, "__proto__");
  const proto = own ? map["__proto__"] : Object.getPrototypeOf(map);
  assertEquals(proto, { polluted: 1 });
});

Deno.test("assertEquals() compares as @std/assert does", () => {
  const equal: [unknown, unknown][] = [
    [0, -0],
    [NaN, NaN],
    [[0, NaN], [-0, NaN]],
    [new Float32Array([0, NaN]), new Float32Array([-0, NaN])],
    [{ a: { b: [1] } }, { a: { b: [1] } }],
    [Object.create(null), {}],
    [new Map([["a", { b: 1 }]]), new Map([["a", { b: 1 }]])],
    [new Set([1]), new Set([1])],
    [new Date(5), new Date(5)],
  ];
  for (const [a, b] of equal) {
    assertEquals(a, b);
    assertThrows(() => assertNotEquals(a, b), AssertionError);
  }
  const different: [unknown, unknown][] = [
    [1, "1"],
    [null, undefined],
    [{ a: undefined }, {}],
    [{ a: 1 }, { b: 1 }],
    [[1, 2], [1]],
    [new Float32Array([1]), new Float64Array([1])],
    [new Uint8Array([1]), [1]],
    [new Map([["a", 1]]), new Map([["a", 2]])],
    [new Date(5), new Date(6)],
  ];
  for (const [a, b] of different) {
    assertNotEquals(a, b);
    assertThrows(() => assertEquals(a, b), AssertionError, "not equal");
  }
});

Deno.test("assertThrows() and assertRejects() return the error, and check it if asked", async () => {
  const fail = () => {
    throw new RangeError("too far");
  };
  assertEquals(assertThrows(fail, RangeError, "far").message, "too far");
  assertThrows(() => {
    throw "a string is caught without a class";
  });
  assertThrows(() => assertThrows(fail, TypeError), AssertionError);
  assertThrows(() => assertThrows(fail, RangeError, "near"), AssertionError);
  assertThrows(
    () => assertThrows(() => 1, "why"),
    AssertionError,
    "throw: why",
  );

  const reject = () => Promise.reject(new RangeError("too far"));
  assert(await assertRejects(reject) instanceof RangeError);
  assertEquals((await assertRejects(reject, RangeError)).message, "too far");
  await assertRejects(
    // A function that throws at once does not reject.
    () => assertRejects(fail as () => Promise<void>, RangeError),
    AssertionError,
    "throws when expected to reject",
  );
});

Deno.test("assertArrayIncludes() compares deeply", () => {
  assertArrayIncludes([{ a: 1 }, 2], [{ a: 1 }]);
  assertThrows(() => assertArrayIncludes([1], [2]), AssertionError);
});
