// Joins the others. Arguments: how to end, and the library.
import { mpi } from "../../../distributed/mod.ts";

const [how = "", library] = Deno.args;
let world;
try {
  world = mpi({ timeout: 2, ...(library ? { library } : {}) });
} catch (error) {
  console.log(JSON.stringify({ rank: 0, error: (error as Error).message }));
  Deno.exit();
}
world.barrier();
const { rank, size } = world;
if (rank === 0) mpi().rank; // which needs no other rank
if (rank === 1) {
  if (how === "throw") throw new Error("a bug of rank 1");
  if (how === "reject") {
    setTimeout(() => Promise.reject(new Error("a late bug of rank 1")), 10);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  if (how === "exit 0") Deno.exit(0);
  if (how === "exit 3") Deno.exit(3);
  if (how === "hang") {
    await new Promise((resolve) => setTimeout(resolve, 60000));
  }
}
world.barrier();
console.log(JSON.stringify({ rank, size, library: world.library }));
