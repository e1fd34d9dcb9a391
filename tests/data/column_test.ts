import { assert, assertEquals, assertThrows } from "@std/assert";
import type * as tf from "@tensorflow/tfjs-core";
import { batches } from "../../data/batches.ts";
import { column } from "../../data/column.ts";
import { Dataset } from "../../data/dataset.ts";
import { onEachBackend } from "../_backends.ts";

const F = (...x: number[]) => Float32Array.of(...x);
const I = (...x: number[]) => Int32Array.of(...x);
const U = (...x: number[]) => Uint8Array.of(...x);

/** What a user may call numbers, and the column that it is. */
const GOOD: [numbers: unknown, F: Float32Array | Int32Array | Uint8Array][] = [
  [[0.5, -1.5, 300], F(0.5, -1.5, 300)],
  [Float64Array.of(0.5, -1.5, 300), F(0.5, -1.5, 300)],
  [Float64Array.of(1, 2), F(1, 2)],
  [Float16Array.of(0.5, 2), F(0.5, 2)],
  [[0.1], F(0.1)], // rounded to the nearest float32, as in a Float32Array
  [[NaN, Infinity, -Infinity], F(NaN, Infinity, -Infinity)],
  [[0, 44, 300, -5], I(0, 44, 300, -5)],
  [[16777217], I(16777217)], // not a float32
  [[2 ** 31 - 1, -(2 ** 31)], I(2 ** 31 - 1, -(2 ** 31))],
  [[2 ** 31, 1], F(2 ** 31, 1)], // not an int32
  [Int8Array.of(-128, 127), I(-128, 127)],
  [Int16Array.of(-32768, 300), I(-32768, 300)],
  [Uint16Array.of(65535), I(65535)],
  [Uint32Array.of(7, 2 ** 31 - 1), I(7, 2 ** 31 - 1)],
  [Uint32Array.of(2 ** 31), F(2 ** 31)],
  [Uint8ClampedArray.of(0, 255), U(0, 255)],
  [U(0, 255), U(0, 255)],
  [I(-7), I(-7)],
  [F(0.25), F(0.25)],
];

const BAD: [numbers: unknown, message: string][] = [
  [Uint32Array.of(2 ** 31 + 1), "integers that int32 or float32 can represent"],
  [[3_000_000_001], "integers that int32 or float32 can represent"],
  [[1e39], "value 0 must be within the range of float32"],
  [Float64Array.of(0, -1e300), "value 1 must be within the range of float32"],
  [["1", "2"], 'data[0] must be a number: current value is "1"'],
  [[1, true], "data[1] must be a number: current value is true"],
  [[1n], "data[0] must be a number: current value is 1n"],
  [BigInt64Array.of(1n), "data must be a list of numbers"],
  [[1, undefined], "data[1] must be a number: current value is undefined"],
  [Array(2), "data[0] must be a number: current value is undefined"],
  [[[1, 2], [3, 4]], "data[0] must be a number: current value is [1, 2]"],
  [new DataView(new ArrayBuffer(4)), "data must be a list of numbers"],
  ["12", "data must be a list of numbers"],
  [new Date(0), "data must be a list of numbers"],
];

Deno.test("column() keeps any numbers as float32 or int32, never as bytes", () => {
  for (const [numbers, expected] of GOOD) {
    const { data } = column(numbers as number[]);
    assertEquals(data, expected, Deno.inspect(numbers));
  }
});

Deno.test("column() refuses values that neither float32 nor int32 can represent, and other types", () => {
  for (const [numbers, message] of BAD) {
    const error = assertThrows(() => column(numbers as number[]), Error);
    assert(error.message.includes(message), error.message);
    assert(error.message.startsWith("Cannot make a column: "), error.message);
  }
  assertThrows(() => column([1], [0]), RangeError, "shape[0]");
  assertThrows(() => column([1], [1.5]), RangeError, "shape[0]");
});

onEachBackend("batches of any numbers have their values", async () => {
  for (const [numbers, expected] of GOOD) {
    const sources = [
      batches([numbers as number[]]),
      batches([column(numbers as number[])]),
      batches(new Dataset([column(numbers as number[])])),
      batches([{ data: numbers, shape: [] } as never]),
    ];
    for (const source of sources) {
      for (const [x] of source as Iterable<[tf.Tensor]>) {
        assertEquals([...await x.data()], [...expected]);
        const isFloat = expected instanceof Float32Array;
        assertEquals(x.dtype, isFloat ? "float32" : "int32");
      }
    }
  }
  for (const [numbers] of BAD) {
    assertThrows(() => batches([numbers as number[]]), Error, "Cannot make");
  }
}, { only: ["cpu", "wasm"] });

Deno.test("Dataset.map() on bytes and integers keeps fractions", () => {
  const bytes = new Dataset([column(U(0, 255, 51, 102), [2]), column(U(1, 0))]);
  const scaled = bytes.map((x, y) => [x.map((v) => v / 255), y]);
  assertEquals(scaled.columns[0].data, F(0, 1, 0.2, 0.4));
  assertEquals(scaled.columns[0].shape, [2]);
  assertEquals(scaled.columns[1].data, U(1, 0));
  const integers = new Dataset([column(I(1, 2, 3))]);
  const halves = integers.map((x) => [x.map((v) => v / 2)]);
  assertEquals(halves.columns[0].data, F(0.5, 1, 1.5));
  // What stays a whole number stays one, also outside a byte.
  assertEquals(
    bytes.map((x) => [x.map((v) => v - 300)]).columns[0].data,
    I(-300, -45, -249, -198),
  );
});

Deno.test("Dataset.map() accepts any numbers without narrowing them", () => {
  const data = new Dataset([column(I(0, 1))]);
  const mapped = (first: unknown, second: unknown) =>
    data.map((_, i) => [i === 0 ? first : second] as [number[]])
      .columns[0].data;
  const table: [unknown, unknown, unknown][] = [
    [[0.5], [2], F(0.5, 2)],
    [[1], [2], I(1, 2)],
    [U(1), [0.5], F(1, 0.5)], // bytes in the first example, fractions later
    [I(300), U(7), I(300, 7)],
    [U(200), F(0.25), F(200, 0.25)],
    [I(1), F(0.5), F(1, 0.5)],
    [Int16Array.of(-300), U(1), I(-300, 1)],
    [Float64Array.of(0.5), Float64Array.of(2), F(0.5, 2)],
    [Uint8ClampedArray.of(3), U(4), U(3, 4)],
  ];
  for (const [first, second, expected] of table) {
    assertEquals(mapped(first, second), expected);
  }
  const wrong: [unknown, string][] = [
    [["1"], "column 0 of example 0[0] must be a number"],
    [7, "column 0 of example 0 must be a list of numbers"],
    [[1e39], "within the range of float32"],
    [BigInt64Array.of(1n), "column 0 of example 0 must be a list of numbers"],
  ];
  for (const [row, message] of wrong) {
    const error = assertThrows(() => mapped(row, row), Error);
    assert(error.message.includes(message), error.message);
  }
  assertThrows(
    () => data.map(() => 3 as unknown as [number[]]),
    TypeError,
    "what the function returns must be a list",
  );
});

Deno.test("the rows given to Dataset.map() can be sliced", () => {
  const data = new Dataset([column(U(1, 2, 3, 4, 5, 6), [3])]);
  const parts = data.map((row) => [row.subarray(1), row.slice(0, 1)]);
  assertEquals(parts.columns[0].data, U(2, 3, 5, 6));
  assertEquals([...parts.columns[1].data], [1, 4]);
});
