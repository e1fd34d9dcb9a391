import { assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../backend/mod.ts";
import {
  anything,
  boolean,
  callable,
  check,
  checkNoMore,
  checkOptions,
  either,
  increasingListOf,
  instanceOf,
  iterable,
  listOf,
  oneOf,
  oneOrMore,
  orNull,
  pair,
  path,
  recordOf,
  type Rule,
  show,
  sortedListOf,
  tensor,
} from "../internal/check.ts";
import { nearest } from "../internal/nearest.ts";

/** A rule, values that keep to it, and for others the end of the error. */
const RULES: readonly [
  Rule,
  readonly unknown[],
  readonly [unknown, string][],
][] = [
  ["a positive integer", [1, 2 ** 53 - 1], [
    [0, "x must be a positive integer: current value is 0"],
    [1.5, "x must be a positive integer: current value is 1.5"],
    [NaN, "x must be a positive integer: current value is NaN"],
    ["3", 'x must be a positive integer: current value is "3"'],
  ]],
  ["a finite number greater than 1", [1.5], [
    [1, "x must be a finite number greater than 1: current value is 1"],
  ]],
  ["in [0, 1)", [0, 0.999], [
    [1, "x must be in [0, 1): current value is 1"],
    [null, "x must be in [0, 1): current value is null"],
  ]],
  ["in (0, 1]", [1], [[0, "x must be in (0, 1]: current value is 0"]]],
  [boolean, [true, false], [
    [1, "x must be true or false: current value is 1"],
  ]],
  [callable, [() => 1], [[
    {},
    "x must be a function: current value is an object",
  ]]],
  [oneOf("torch", "optax"), ["torch"], [
    ["jax", 'x must be one of "torch", "optax": current value is "jax"'],
  ]],
  [oneOrMore("in [0, 1]"), [1, [0, 1]], [
    [[], "x must be a nonempty list: current value is []"],
    [[0, 2], "x[1] must be in [0, 1]: current value is 2"],
    [2, "x must be in [0, 1]: current value is 2"],
  ]],
  [sortedListOf("an integer"), [[], [1, 1, 2]], [
    [[2, 1], "x must be sorted: current value is [2, 1]"],
    [[0.5], "x[0] must be an integer: current value is 0.5"],
    [1, "x must be a list: current value is 1"],
  ]],
  [increasingListOf("an integer"), [[], [1, 2]], [
    [[1, 1], "x must be strictly increasing: current value is [1, 1]"],
  ]],
  [orNull("in (0, 1)"), [null, 0.5], [
    [2, "x must be in (0, 1): current value is 2"],
  ]],
  [either("a positive integer", oneOf("all")), [3, "all"], [
    [-1, 'x must be one of "all": current value is -1'],
  ]],
  [pair("in [0, 1)", "in [0, 1)"), [[0.9, 0.99]], [
    [[0.9, 1.2], "x[1] must be in [0, 1): current value is 1.2"],
    [[0.9], "x must be a pair: current value is [0.9]"],
  ]],
  [listOf(pair("a number", "a number")), [[], [[1, 2]]], [
    [[[1, "b"]], 'x[0][1] must be a number: current value is "b"'],
    [7, "x must be a list: current value is 7"],
  ]],
  [instanceOf(Map, "a map"), [new Map()], [
    [new Set(), "x must be a map: current value is an instance of Set"],
  ]],
  [tensor, [], [[[1, 2], "x must be a tensor: current value is [1, 2]"]]],
  [recordOf("a number"), [{}, { a: 1 }], [
    [{ a: 1, b: "2" }, 'x.b must be a number: current value is "2"'],
    [[1], "x must be a record: current value is [1]"],
  ]],
  [path, ["a/b", new URL("file:///a")], [
    ["", 'x must be a path: current value is ""'],
    [7, "x must be a path: current value is 7"],
  ]],
  [iterable, [[], new Set(), (async function* () {})()], [
    [{}, "x must be iterable: current value is an object"],
    ["ab", 'x must be iterable: current value is "ab"'],
  ]],
  [anything, [null, 1, "x"], []],
];

Deno.test("values that keep to a rule pass, and others are refused by name", () => {
  for (const [rule, good, bad] of RULES) {
    for (const value of good) check("do it", "x", value, rule);
    for (const [value, end] of bad) {
      const error = assertThrows(() => check("do it", "x", value, rule), Error);
      assertEquals(error.message, `Cannot do it: ${end}`);
    }
  }
});

Deno.test("the wrong kind of value is a TypeError, one out of range a RangeError", () => {
  assertThrows(() => check("do it", "x", "1", "in [0, 1)"), TypeError);
  assertThrows(() => check("do it", "x", 1, "in [0, 1)"), RangeError);
});

Deno.test("an option that there is not is refused, and the nearest one named", () => {
  const rules = { tMax: "a positive integer", etaMin: "a number" } as const;
  const options: object = { tMax: 10, etaMin: undefined };
  checkOptions("create CosineAnnealingLR", options, rules);
  assertThrows(
    () =>
      checkOptions("create CosineAnnealingLR", { T_max: 3 } as object, rules),
    TypeError,
    'Cannot create CosineAnnealingLR: there is no option "T_max": did you mean "tMax"?',
  );
  assertThrows(
    () => checkOptions("create ReLU", { slope: 3 } as object, {}),
    TypeError,
    'Cannot create ReLU: there is no option "slope": it takes none',
  );
  assertThrows(
    () => checkOptions("create SGD", 0.1 as unknown as object, rules),
    TypeError,
    "Cannot create SGD: the options must be an object: current value is 0.1",
  );
  assertThrows(
    () => checkOptions("fit", { tmax: 3 } as object, rules, "checkpoint."),
    TypeError,
    'Cannot fit: there is no option "checkpoint.tmax": did you mean "checkpoint.tMax"?',
  );
  assertThrows(
    () => checkOptions("fit", { tMax: 0 } as object, rules, "checkpoint."),
    RangeError,
    "Cannot fit: checkpoint.tMax must be a positive integer: current value is 0",
  );
  assertThrows(
    () => checkOptions("create SGD", { constructor: 1 } as object, rules),
    TypeError,
    'there is no option "constructor"',
  );
});

Deno.test("misspelled, translated and half remembered names find their option", () => {
  const names = ["betas", "eps", "weightDecay", "bias", "validation", "tMax"];
  for (
    const [name, meant] of [
      ["beta1", "betas"],
      ["epsilon", "eps"],
      ["weight_decay", "weightDecay"],
      ["useBias", "bias"],
      ["validationData", "validation"],
      ["T_max", "tMax"],
    ] as const
  ) assertEquals(nearest(name, names), meant);
  assertEquals(nearest("foo", names), undefined);
});

Deno.test("options that are like none are answered with all there are", () => {
  const rules = { rate: "in [0, 1]", seed: "an integer" } as const;
  assertThrows(
    () => checkOptions("create Dropout", { p: 0.9 } as object, rules),
    TypeError,
    'Cannot create Dropout: there is no option "p": there are "rate", "seed"',
  );
});

Deno.test("errors show any value", async () => {
  await useBackend("cpu");
  const x = tf.tensor1d([1, 2]);
  assertEquals(show(x), "a tensor of float32 with shape [2]");
  x.dispose();
  assertEquals(show(Object.create(null)), "an object");
  assertEquals(show([1, "a", [2n]]), '[1, "a", [2n]]');
  assertEquals(show(Array(20).fill(0)), "[0, 0, 0, 0, 0, 0, 0, 0, ...]");
});

Deno.test("arguments that nobody takes are refused", () => {
  checkNoMore("create Flatten", []);
  checkNoMore("create Flatten", [{}, undefined]);
  assertThrows(
    () => checkNoMore("create Flatten", [1, { a: 2 }]),
    TypeError,
    "Cannot create Flatten: it takes no further arguments: current values are 1, an object",
  );
});
