// The time of an all-reduce in place, as all_reduce.c measures it.
import { mpi } from "../../distributed/mod.ts";
import { communicatorOf } from "../../distributed/world.ts";

const [count, calls] = Deno.args.map(Number);
const world = mpi({ timeout: 60 }), ranks = communicatorOf(world);
// Shared memory, as tensors on WASM with threads.
const values = new Float32Array(new SharedArrayBuffer(4 * count!));
const times: number[] = [];
for (let i = 0; i < calls!; i++) {
  ranks.barrier();
  const start = performance.now();
  ranks.allReduce(values);
  times.push(performance.now() - start);
}
times.sort((a, b) => a - b);
const [best, median] = [times[0], times[times.length >> 1]];
if (world.rank === 0) console.log(JSON.stringify({ best, median }));
