import { assertEquals } from "@std/assert";
import {
  Assembler,
  I32,
  load,
} from "../../backend/wasm/assembler/assembler.ts";
import { Threads } from "../../backend/wasm/machine/threads.ts";
import { JOB, type Place } from "../../backend/wasm/machine/workers.ts";
import { wasmFunction } from "../../backend/wasm/machine/functions.ts";
import {
  free,
  output,
  pointer,
  view,
} from "../../backend/wasm/machine/registry.ts";
import { useWasm } from "./_wasm.ts";

/** Adds 1 to an integer so many times, one after the other. */
const count = wasmFunction(
  "testCount",
  { addresses: ["at"], numbers: ["times"] },
  (f, { at, times }) => {
    f.for(times, 1, () => f.store(at, load(I32, at).add(1)));
  },
);

const pause = (milliseconds: number) =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

for (const threads of [2, 5]) {
  for (const [when, milliseconds] of [["awake", 0], ["asleep", 4]] as const) {
    Deno.test(`each part is run once, with ${threads} threads that are ${when}`, async () => {
      await useWasm(threads);
      const counts = output([64], "int32"), wanted = Array(64).fill(0);
      view(counts).fill(0);
      for (let job = 0; job < (milliseconds ? 30 : 3000); job++) {
        const parts = job % 64 + 1;
        count.run(...Array.from({ length: parts }, (_, i) => {
          wanted[i]++;
          return { at: pointer(counts) + 4 * i, times: 1 };
        }));
        if (milliseconds) await pause(milliseconds);
        else assertEquals(view(counts)[parts - 1], wanted[parts - 1]);
      }
      assertEquals([...view(counts)], wanted);
      free(counts);
    });
  }
}

Deno.test("a job ends when its longest part does, though its caller had nothing left to do", async () => {
  await useWasm(2);
  const counts = output([32], "int32");
  for (let job = 0; job < 10; job++) {
    view(counts).fill(0);
    // The caller takes the last part first.
    count.run(
      { at: pointer(counts), times: 5_000_000 },
      { at: pointer(counts) + 64, times: 1 },
    );
    assertEquals([view(counts)[0], view(counts)[16]], [5_000_000, 1]);
  }
  free(counts);
});

Deno.test("the caller works alone for a while when no worker takes a part", async () => {
  const memory = new WebAssembly.Memory({
    initial: 1,
    maximum: 1,
    shared: true,
  });
  let free = 64, place: Place | undefined;
  const threads = await Threads.start({
    memory,
    allocate: (bytes) => (free += bytes) - bytes,
    scratch: 64,
    // It never looks for work.
    workers: [{
      begin: (given) => Promise.resolve(void (place = given)),
      post() {},
      terminate() {},
    }],
  });
  const m = new Assembler({ shared: true });
  m.export("increment", { scratch: I32, at: I32 }, (f, { at }) => {
    f.store(at, load(I32, at).add(1));
  });
  const module = new WebAssembly.Module(m.encode());
  const increment = threads.add(() => ({ module, names: m.names }));
  const counts = new Int32Array(memory.buffer, 0, 16);
  const words = new Int32Array(memory.buffer, place!.words, 64);
  let jobs = 0;
  /** Whether a job was offered to the worker. */
  const isOffered = () => {
    const before = words[JOB];
    threads.run(increment, [[0], [4], [8]]);
    jobs++;
    return words[JOB] !== before;
  };
  for (let round = 0; round < 2; round++) {
    assertEquals(isOffered(), true);
    while (isOffered());
    await pause(15);
  }
  assertEquals([...counts.subarray(0, 3)], [jobs, jobs, jobs]);
  threads.close();
});
