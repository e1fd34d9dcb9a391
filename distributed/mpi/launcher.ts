/**
 * What launchers such as `mpiexec` and `srun` tell the processes that they start.
 *
 * @module
 */

import { needDeno } from "./foreign.ts";

/** Variables that launchers set to the number of processes. */
const SIZES = [
  "OMPI_COMM_WORLD_SIZE", // Open MPI
  "PMI_SIZE", // MPICH, Intel MPI, Slurm
  "MPI_LOCALNRANKS", // MPICH and Intel MPI, of one machine
  "SLURM_STEP_NUM_TASKS", // srun
] as const;

/** Variables that launchers set to the number of the process. */
const RANKS = [
  "PMI_RANK",
  "PMIX_RANK",
  "SLURM_PROCID",
  "PALS_RANKID", // Cray
  "FLUX_TASK_RANK",
] as const;

/** An environment variable: `null` if it is not set, `undefined` if it may not be read. */
export function variable(name: string): string | null | undefined {
  const { permissions, env } = needDeno();
  const { state } = permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? env.get(name) ?? null : undefined;
}

/**
 * Whether a launcher started this process; `undefined` if that cannot be known,
 * without the permission to read the variables.
 */
export function isLaunched(): boolean | undefined {
  const values = [...SIZES, ...RANKS].map(variable);
  if (values.some((value) => typeof value === "string")) return true;
  return values.includes(undefined) ? undefined : false;
}

/** Whether Open MPI's launcher started this process. */
export function isOfOpenMpi(): boolean {
  return typeof variable("OMPI_COMM_WORLD_SIZE") === "string";
}

/**
 * Throw if a launcher started several processes, and a library sees this one only:
 * each would train alone.
 */
export function checkFamily(version: string): void {
  for (const name of SIZES) {
    const count = Number(variable(name) ?? 1);
    if (count <= 1) continue;
    throw new Error(
      `Cannot start MPI: the launcher and the library must be of one family: ${name} is ${count}, but ${version} sees one process: use the mpiexec of this library, srun --mpi=pmi2 or --mpi=pmix, or name the launcher's library, as in mpi({ library: "libmpi.so.40" })`,
    );
  }
}
