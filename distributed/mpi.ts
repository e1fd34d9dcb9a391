/**
 * Joining the processes of a run.
 *
 * @module
 */
import {
  boolean,
  checkOptions,
  type OptionRules,
  refuse,
  string,
} from "../internal/check.ts";
import { join } from "./mpi/join.ts";
import { World } from "./world.ts";

/** Options of {@linkcode mpi}. */
export interface MpiOptions {
  /**
   * The file of the MPI library, a name that the system's loader finds or a path.
   * Default: the first that is found.
   */
  readonly library?: string;
  /**
   * Seconds to wait for the other ranks in one operation. After that the process ends
   * all ranks, with exit code 1.
   *
   * @default {1800}
   */
  readonly timeout?: number;
  /**
   * Whether to add gradients in the order of ranks: then a run has the same bits with
   * any library, network and placement of the ranks, for one more round of messages.
   * Without it all ranks have the same bits too, but they may change with these.
   *
   * @default {false}
   */
  readonly inOrder?: boolean;
  /**
   * Whether `fit` reduces gradients while the backward pass computes the next ones: on WASM
   * and cpu, in steps of one batch that are not compiled, of parameters with 65,536
   * elements or more. It hides a part of the time of a network. Not with `inOrder`.
   * Default: whether the ranks are on several machines.
   */
  readonly overlap?: boolean;
}

const RULES: OptionRules<MpiOptions> = {
  library: string,
  timeout: "a positive number",
  inOrder: boolean,
  overlap: boolean,
};

/**
 * Join the processes that `mpiexec`, `mpirun` or `srun` started together. It needs Deno,
 * `--allow-ffi` and an MPI library: MPICH, Open MPI, Intel MPI or another of their
 * families. A process that no launcher started is a world of one, for which no library
 * is needed, and where every operation returns what it was given.
 *
 * A process that ends waits for the others. If one fails, all end with an exit code
 * other than 0.
 *
 * @example Several processes, or one
 * ```ts
 * import { mpi } from "@braintape/braintape/distributed";
 * import { assertEquals } from "@std/assert";
 *
 * const world = mpi();
 * assertEquals(world.sum(1), [world.size]); // deno run: 1; mpiexec -n 4 deno run: 4
 * ```
 *
 * @param options See {@linkcode MpiOptions}; those of the first call hold for the process.
 * @returns The world.
 * @throws {Error} If there is no library, it may not be opened, or it is not of the
 *   launcher's family.
 */
export function mpi(options: MpiOptions = {}): World {
  checkOptions("start MPI", options, RULES);
  const { library, timeout = 1800, inOrder = false, overlap } = options;
  if (inOrder && overlap) {
    refuse("start MPI", "overlap", "left out with inOrder", overlap);
  }
  const { ranks, machines } = join({ library, timeout });
  const overlaps = overlap ?? (!inOrder && machines > 1);
  return new World(ranks, { inOrder, overlaps });
}
