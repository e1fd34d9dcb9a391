/** The system of Node and Bun, on the modules of Node that Deno has. */
import process from "node:process";
import { assertEquals } from "@std/assert";
import { nodeSystem } from "../../internal/system/node.ts";

Deno.test("a function that listens to several signals listens to none in the end", () => {
  const system = nodeSystem()!,
    signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const counts = () => signals.map((signal) => process.listenerCount(signal));
  const before = counts(), listener = () => {};
  for (const signal of signals) system.addSignalListener(signal, listener);
  assertEquals(counts(), before.map((count) => count + 1));
  for (const signal of signals) system.removeSignalListener(signal, listener);
  assertEquals(counts(), before);
});
