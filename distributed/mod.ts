/**
 * Training one model with several processes, on one machine or many.
 *
 * The processes are started by an MPI launcher, each with the same script:
 *
 * ```sh
 * mpiexec -n 4 deno run -A train.ts
 * ```
 *
 * They take their parts of each batch, add up their gradients, and take the same step.
 *
 * @module
 */
export type { Shard } from "../data/shard.ts";
export { DiLoCo, type DiLoCoOptions, type DiLoCoState } from "./diloco.ts";
export { synchronizeBatchNorm } from "./synchronize.ts";
export { mpi, type MpiOptions } from "./mpi.ts";
export { World } from "./world.ts";
