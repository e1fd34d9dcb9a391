import { assert, assertEquals } from "@std/assert";
import * as schedulers from "../../optim/schedulers/mod.ts";
import { drawSchedules } from "../../scripts/draw_schedules.ts";

const sheet = drawSchedules();

Deno.test("docs/schedules.svg is the output of `deno task schedules`", async () => {
  const path = new URL("../../docs/schedules.svg", import.meta.url);
  assertEquals(await Deno.readTextFile(path), sheet);
});

Deno.test("the sheet has every scheduler", () => {
  for (const [name, value] of Object.entries(schedulers)) {
    const isOne = typeof value === "function" &&
      value.prototype instanceof schedulers.LRScheduler;
    if (!isOne || name === "CompositeLR") continue;
    assert(sheet.includes(`>${name}</text>`), name);
  }
});
