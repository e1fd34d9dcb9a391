import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { isMet } from "../../bench/driver/context.ts";
import { asked, report } from "../../bench/driver/report.ts";
import {
  median,
  ratio,
  slopes,
  summarize,
} from "../../bench/driver/statistics.ts";
import { digits, spread, table } from "../../bench/driver/table.ts";

Deno.test("a median is the middle value, whatever the order", () => {
  assertEquals(median([5, 1, 3]), 3);
  assertEquals(median([4, 1, 3, 10]), 3.5);
  assertThrows(() => median([]), RangeError, "there are no values");
  assertEquals(summarize([5, 1, 3]), { median: 3, low: 1, high: 5 });
});

Deno.test("a ratio is taken round by round: a slow round of both does not change it", () => {
  assertEquals(ratio([2, 20, 2], [1, 10, 1]), 2);
  assertEquals(ratio([6, 6, 6, 6], [3, 2]), 2.5); // rounds that both have
});

Deno.test("slopes are the exponents of growth", () => {
  const [one, square] = slopes([1, 10, 20], [3, 30, 120]);
  assertAlmostEquals(one!, 1, 1e-12);
  assertAlmostEquals(square!, 2, 1e-12);
});

Deno.test("tables show three digits and leave missing cells empty", () => {
  assertEquals(
    [1234.5, 123.4, 12.34, 1.234, 0.01234, 0].map(digits),
    ["1235", "123", "12.3", "1.23", "0.0123", "0"],
  );
  assertEquals(spread({ median: 2, low: 1, high: 10 }), "2.00 (1.00 to 10.0)");
  assertEquals(
    table(["a", "b"], [["1"], ["2", undefined]]),
    "| a | b |\n| --- | --- |\n| 1 |  |\n| 2 |  |",
  );
});

Deno.test("a report says when the machine was busy", () => {
  const busy = /The machine was busy/;
  assertEquals(busy.test(report({ Deno: "2" }, [], true)), true);
  assertEquals(busy.test(report({ Deno: "2" }, [], false)), false);
});

Deno.test("what was asked for is met from its bound on, and unknown without a figure", () => {
  const least = { what: "speed", asked: { least: 2 } };
  const most = { what: "time", asked: { most: 2 } };
  assertEquals(isMet({ ...least, got: 2 }), true);
  assertEquals(isMet({ ...least, got: 1.9 }), false);
  assertEquals(isMet({ ...most, got: 2 }), true);
  assertEquals(isMet({ ...most, got: 2.1 }), false);
  assertEquals(isMet({ ...most, got: undefined }), undefined);
  assertEquals(
    asked([{ ...least, got: 3 }, { ...most, got: undefined }]),
    table(["", "asked", "got", "met"], [
      ["speed", "at least 2.00", "3.00", "yes"],
      ["time", "at most 2.00", "not measured"],
    ]),
  );
  assertEquals(
    asked([{ ...least, got: 3, limit: 4 }, { ...most, got: 1 }]),
    table(["", "asked", "got", "met", "at the peak"], [
      ["speed", "at least 2.00", "3.00", "yes", "4.00"],
      ["time", "at most 2.00", "1.00", "yes"],
    ]),
  );
});
