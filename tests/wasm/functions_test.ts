import { assertEquals, assertThrows } from "@std/assert";
import { F32, I32 } from "../../backend/wasm/assembler/assembler.ts";
import { wasmFunction } from "../../backend/wasm/machine/functions.ts";
import {
  free,
  output,
  pointer,
  view,
} from "../../backend/wasm/machine/registry.ts";
import { useWasm } from "./_wasm.ts";

const fill = wasmFunction(
  "testFill",
  { addresses: ["to"], numbers: ["bytes", "value"] },
  (f, { to, bytes, value }) => {
    f.for(bytes, 4, (i) => f.store(to.add(i), value.toF32()));
  },
);

for (const threads of [1, 2]) {
  Deno.test(`a function runs for ranges that cover everything once, with ${threads} threads`, async () => {
    await useWasm(threads);
    const n = 1003, y = output([n]);
    fill.ranges(n, 1e6, (first, end) => ({
      to: pointer(y) + 4 * first,
      bytes: 4 * (end - first),
      value: 7,
    }), 4);
    assertEquals([...view(y)], Array(n).fill(7));
    free(y);
  });
}

Deno.test("a function is written when it is run first, once for all numbers of threads", async () => {
  let written = 0;
  const fill = wasmFunction(
    "testWritten",
    { addresses: ["to"], numbers: ["value"] },
    (f, { to, value }) => {
      written++;
      f.store(to, value.toF32());
    },
  );
  for (const threads of [2, 3]) {
    await useWasm(threads);
    assertEquals(written, threads - 2);
    const y = output([8]);
    for (let i = 0; i < 2; i++) {
      fill.run(...[0, 1, 2, 3, 4, 5, 6, 7].map((k) => ({
        to: pointer(y) + 4 * k,
        value: k,
      })));
    }
    assertEquals([...view(y)], [0, 1, 2, 3, 4, 5, 6, 7]);
    free(y);
    assertEquals(written, 1);
  }
});

Deno.test("a missing or misspelled argument of a function does not compile", () => {
  const wrong = () => {
    // @ts-expect-error: value is missing
    fill.run({ to: 0, bytes: 4 });
    // @ts-expect-error: it is called bytes
    fill.run({ to: 0, byte: 4, value: 1 });
    wasmFunction("testWrong", { addresses: ["to"], numbers: [] }, (f, p) => {
      // @ts-expect-error: it is called to
      f.store(p.too, F32.of(0));
    });
  };
  assertEquals(typeof wrong, "function");
});

for (const threads of [1, 2]) {
  Deno.test(`a function that is written for each thread knows its scratch memory, with ${threads} threads`, async () => {
    await useWasm(threads);
    const places = new Set<number>();
    const where = wasmFunction(
      `testPlace ${threads}`,
      { addresses: ["to"], numbers: ["turns"] },
      (f, { scratch, to, turns }, m) => {
        places.add(m.scratch);
        f.store(to, scratch.eq(m.scratch));
        f.for(turns, 1, () => {}); // long enough for others to take parts
      },
      { perThread: true },
    );
    const y = output([64], "int32");
    where.run(...Array.from({ length: 64 }, (_, k) => ({
      to: pointer(y) + 4 * k,
      turns: 100_000,
    })));
    assertEquals([...view(y)], Array(64).fill(1));
    assertEquals(places.size, threads);
    free(y);
  });
}

Deno.test("a function that is written for all threads cannot ask for their scratch memory", async () => {
  await useWasm();
  const where = wasmFunction(
    "testNowhere",
    { addresses: ["to"], numbers: [] },
    (f, { to }, m) => f.store(to, I32.of(m.scratch)),
  );
  assertThrows(
    () => where.run({ to: 0 }),
    Error,
    "Cannot tell where scratch memory is",
  );
});
