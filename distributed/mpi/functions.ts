/**
 * The functions of MPI that are used, and how Deno calls them.
 *
 * @module
 */
import type { Abi } from "./abi.ts";
import type { Declaration, NativeType, Pointer } from "./foreign.ts";

/** A communicator, a type or an operation. */
export type Handle = number | Pointer;

/** Where an operation that was begun says how far it is. */
export type Request = BigUint64Array<ArrayBuffer>;

/** Memory that a function reads or writes. */
export type Memory = ArrayBufferView<ArrayBufferLike>;

/** The functions; each returns 0 or an error code. */
export interface Functions {
  MPI_Initialized(flag: Memory): number;
  MPI_Init_thread(argc: null, argv: null, level: number, got: Memory): number;
  MPI_Comm_set_errhandler(comm: Handle, handler: Handle): number;
  MPI_Comm_rank(comm: Handle, rank: Memory): number;
  MPI_Comm_size(comm: Handle, size: Memory): number;
  MPI_Get_processor_name(name: Memory, length: Memory): number;
  MPI_Iallreduce(
    from: bigint,
    to: Memory,
    count: number,
    type: Handle,
    op: Handle,
    comm: Handle,
    request: Request,
  ): number;
  MPI_Ibcast(
    memory: Memory,
    count: number,
    type: Handle,
    root: number,
    comm: Handle,
    request: Request,
  ): number;
  MPI_Iallgather: Exchange;
  MPI_Ialltoall: Exchange;
  MPI_Ibarrier(comm: Handle, request: Request): number;
  MPI_Test(request: Request, flag: Memory, status: bigint): number;
  MPI_Error_string(code: number, text: Memory, length: Memory): number;
  MPI_Abort(comm: Handle, code: number): number;
  MPI_Finalize(): number;
}

/** A function in which each rank sends to each. */
type Exchange = (
  from: Memory,
  count: number,
  type: Handle,
  to: Memory,
  countEach: number,
  typeOfEach: Handle,
  comm: Handle,
  request: Request,
) => number;

/**
 * The functions and variables as `Deno.dlopen` takes them.
 *
 * Addresses that are not of buffers, such as `MPI_IN_PLACE`, are declared as numbers:
 * pointers made of numbers need `--allow-ffi` for all libraries.
 */
export function declare(
  { handle, handles }: Abi,
): Readonly<Record<string, Declaration>> {
  const of = (...parameters: NativeType[]) =>
    ({ parameters, result: "i32" }) as const;
  const memory = "buffer", request = "buffer";
  const exchange = [
    ...[memory, "i32", handle],
    ...[memory, "i32", handle],
    ...[handle, request],
  ] as NativeType[];
  const variables = Object.values(handles)
    .filter((value) => typeof value === "string")
    .map((name) => [name, { type: "pointer" }] as const);
  return {
    MPI_Initialized: of(memory),
    MPI_Init_thread: of("pointer", "pointer", "i32", memory),
    MPI_Comm_set_errhandler: of(handle, handle),
    MPI_Comm_rank: of(handle, memory),
    MPI_Comm_size: of(handle, memory),
    MPI_Get_processor_name: of(memory, memory),
    MPI_Iallreduce: of(
      ...["usize", memory, "i32", handle, handle, handle, request] as const,
    ),
    MPI_Ibcast: of(memory, "i32", handle, "i32", handle, request),
    MPI_Iallgather: of(...exchange),
    MPI_Ialltoall: of(...exchange),
    MPI_Ibarrier: of(handle, request),
    MPI_Test: of(request, memory, "usize"),
    MPI_Error_string: of("i32", memory, memory),
    MPI_Abort: of(handle, "i32"),
    MPI_Finalize: of(),
    ...Object.fromEntries(variables),
  };
}
