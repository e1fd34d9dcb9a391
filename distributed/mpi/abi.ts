/**
 * How MPI libraries differ: in what they take for a communicator, a type or an
 * operation, and in the values of these.
 *
 * The MPI 5 standard fixes both. Before it, MPICH and its family pass integers, and
 * Open MPI addresses of its own variables.
 *
 * @module
 */

/** The handles that are used. */
export type HandleName =
  | "world"
  | "float32"
  | "float64"
  | "byte"
  | "sum"
  | "errorsReturn";

/** How one family of libraries is called. */
export interface Abi {
  /** The C type of a handle. */
  readonly handle: "i32" | "usize" | "pointer";
  /** Each handle: a number, or the name of the variable whose address it is. */
  readonly handles: Readonly<Record<HandleName, number | string>>;
  /** `MPI_IN_PLACE`: an address that no buffer has. */
  readonly inPlace: bigint;
  /** `MPI_STATUS_IGNORE` */
  readonly statusIgnore: bigint;
  /** `MPI_THREAD_FUNNELED`: only the main thread calls. */
  readonly threadLevel: number;
}

/** The standard ABI of MPI 5: MPICH 5, Intel MPI 2021.15. */
export const STANDARD: Abi = {
  handle: "usize",
  handles: {
    world: 0x101,
    float32: 0x210,
    float64: 0x214,
    byte: 0x247,
    sum: 0x21,
    errorsReturn: 0x143,
  },
  inPlace: 1n,
  statusIgnore: 0n,
  threadLevel: 1024,
};

/** MPICH, Intel MPI, MVAPICH, Cray MPICH. */
export const MPICH: Abi = {
  handle: "i32",
  handles: {
    world: 0x44000000,
    float32: 0x4c00040a,
    float64: 0x4c00080b,
    byte: 0x4c00010d,
    sum: 0x58000003,
    errorsReturn: 0x54000001,
  },
  inPlace: 2n ** 64n - 1n,
  statusIgnore: 1n,
  threadLevel: 1,
};

/** Open MPI up to 5. */
export const OPEN_MPI: Abi = {
  handle: "pointer",
  handles: {
    world: "ompi_mpi_comm_world",
    float32: "ompi_mpi_float",
    float64: "ompi_mpi_double",
    byte: "ompi_mpi_byte",
    sum: "ompi_mpi_op_sum",
    errorsReturn: "ompi_mpi_errors_return",
  },
  inPlace: 1n,
  statusIgnore: 0n,
  threadLevel: 1,
};
