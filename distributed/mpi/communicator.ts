/**
 * Collective operations on memory.
 *
 * @module
 */
import type { Handle, Memory, Request } from "./functions.ts";
import { needDeno } from "./foreign.ts";
import type { Library } from "./library.ts";
import { checkFamily } from "./launcher.ts";

/** What can be reduced. */
export type Floats =
  | Float32Array<ArrayBufferLike>
  | Float64Array<ArrayBufferLike>;

/** An operation that was started. */
export interface Pending {
  /** Let it go on: without calls it stands still. Whether it is done. */
  poke(): boolean;
  /** Wait until it is done. */
  wait(): void;
}

/**
 * Processes that work together, each with a rank. Every method but `abort` is
 * collective: all ranks must call it, in the same order, with memory of the same
 * length.
 */
export interface Communicator {
  /** The number of this process, from 0. */
  readonly rank: number;
  /** How many processes there are. */
  readonly size: number;
  /** What the library calls itself. */
  readonly version: string;
  /** The name of this machine. */
  readonly machine: string;
  /** Replace `values` by their sum over all ranks. */
  allReduce(values: Floats): void;
  /**
   * Start to replace `values` by their sum over all ranks, and return at once.
   *
   * @returns What is to be waited for, before anything else is done with `values`.
   */
  startSum(values: Float32Array<ArrayBufferLike>): Pending;
  /**
   * Replace `values` by their sum over all ranks, added in the order of ranks: the same
   * bits with any library, network and placement of the ranks.
   */
  sumInOrder(values: Float32Array<ArrayBufferLike>): void;
  /** Replace `memory` by that of `root`. */
  broadcast(memory: Memory, root?: number): void;
  /** The bytes of each rank, all of one length, one after the other. */
  allGather(bytes: Uint8Array): Uint8Array<ArrayBuffer>;
  /** Wait until all ranks are here. */
  barrier(): void;
  /** End all ranks at once. */
  abort(code: number): never;
}

/** The largest number of elements of one call: MPI counts in 32 bits. */
const LARGEST = 2 ** 28;

/** How often to ask whether an operation is done before giving the core away. */
const ASKS = 2000;

/** Milliseconds for which the core is given away then. */
const NAP = 0.05;

/** Milliseconds for the launcher to read the last error. */
const TO_READ = 100;

/**
 * The processes that a launcher started together, by an MPI library.
 *
 * Operations are started without blocking, and then asked after. A call that blocks
 * would never give its core away, which stops the ranks that wait for one on machines
 * with fewer cores than ranks, and it would have no time limit.
 */
export class MpiCommunicator implements Communicator {
  readonly rank: number;
  readonly size: number;
  readonly version: string;
  readonly machine: string;
  readonly #library: Library;
  readonly #world: Handle;
  /** Seconds to wait for the other ranks. */
  readonly #timeout: number;
  readonly #request: Request = new BigUint64Array(1);
  readonly #flag = new Int32Array(1);
  readonly #nap = new Int32Array(new SharedArrayBuffer(4));
  readonly #rows = new Map<number, Float32Array>();
  #hasLeft = false;

  /** Start MPI, which a process can do once. */
  constructor(library: Library, timeout: number) {
    const { call, handles, abi, version } = library;
    this.#library = library;
    this.#world = handles.world;
    this.#timeout = timeout;
    this.version = version;
    const action = "start MPI", number = new Int32Array(1);
    this.#check(action, call.MPI_Initialized(number));
    if (number[0]) {
      throw new Error(
        "Cannot start MPI: this process has started it before, in a worker or another copy of this library",
      );
    }
    this.#check(
      action,
      call.MPI_Init_thread(null, null, abi.threadLevel, number),
    );
    // Otherwise a failure ends the process before it can be told.
    call.MPI_Comm_set_errhandler(this.#world, handles.errorsReturn);
    this.#check(action, call.MPI_Comm_rank(this.#world, number));
    this.rank = number[0]!;
    this.#check(action, call.MPI_Comm_size(this.#world, number));
    this.size = number[0]!;
    if (this.size === 1) checkFamily(version);
    const name = new Uint8Array(256);
    this.#check(action, call.MPI_Get_processor_name(name, number));
    this.machine = new TextDecoder().decode(name.subarray(0, number[0]));
  }

  /** Whether this process has left, or ended the others. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  allReduce(values: Floats): void {
    const { call, handles, abi } = this.#library;
    const type = values instanceof Float64Array
      ? handles.float64
      : handles.float32;
    for (let at = 0; at < values.length; at += LARGEST) {
      const part = values.subarray(at, at + LARGEST);
      this.#run("reduce", (request) =>
        call.MPI_Iallreduce(
          ...[abi.inPlace, part, part.length, type] as const,
          ...[handles.sum, this.#world, request] as const,
        ));
    }
  }

  startSum(values: Float32Array<ArrayBufferLike>): Pending {
    const { call, handles, abi } = this.#library;
    const request: Request = new BigUint64Array(1), action = "reduce";
    this.#begin(action, request, (request) =>
      call.MPI_Iallreduce(
        ...[abi.inPlace, values, values.length, handles.float32] as const,
        ...[handles.sum, this.#world, request] as const,
      ));
    let isDone = false;
    const poke = () => isDone ||= this.#isDone(action, request);
    return { poke, wait: () => this.#waitFor(action, poke) };
  }

  /** Each rank adds up its part of the elements, and sends the sums to all. */
  sumInOrder(values: Float32Array<ArrayBufferLike>): void {
    for (let at = 0; at < values.length; at += LARGEST) {
      this.#sumPart(values.subarray(at, at + LARGEST));
    }
  }

  #sumPart(values: Float32Array<ArrayBufferLike>): void {
    const { call, handles: { float32 } } = this.#library;
    const { size } = this, length = Math.ceil(values.length / size);
    const rows = this.#rowOf(2 * size * length);
    const own = rows.subarray(0, size * length).fill(0, values.length);
    const parts = rows.subarray(size * length);
    own.set(values);
    const send = [own, length, float32] as const;
    this.#run("reduce", (request) =>
      call.MPI_Ialltoall(
        ...[...send, parts, length, float32] as const,
        ...[this.#world, request] as const,
      ));
    const sum = parts.subarray(0, length);
    for (let rank = 1; rank < size; rank++) {
      const next = parts.subarray(rank * length, (rank + 1) * length);
      for (let i = 0; i < length; i++) sum[i]! += next[i]!;
    }
    this.#run("reduce", (request) =>
      call.MPI_Iallgather(
        ...[sum, length, float32, own, length, float32] as const,
        ...[this.#world, request] as const,
      ));
    values.set(own.subarray(0, values.length));
  }

  /** Memory that is used again and again. */
  #rowOf(length: number): Float32Array {
    let row = this.#rows.get(length);
    if (!row) this.#rows.set(length, row = new Float32Array(length));
    return row;
  }

  broadcast(memory: Memory, root = 0): void {
    const { call, handles: { byte } } = this.#library;
    const { buffer, byteOffset, byteLength } = memory;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    for (let at = 0; at < byteLength; at += LARGEST) {
      const part = bytes.subarray(at, at + LARGEST);
      this.#run("broadcast", (request) =>
        call.MPI_Ibcast(
          ...[part, part.length, byte, root, this.#world, request] as const,
        ));
    }
  }

  allGather(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const { call, handles: { byte } } = this.#library;
    const { length } = bytes, all = new Uint8Array(length * this.size);
    if (length === 0) return all;
    this.#run("gather", (request) =>
      call.MPI_Iallgather(
        ...[bytes, length, byte, all, length, byte] as const,
        ...[this.#world, request] as const,
      ));
    return all;
  }

  barrier(): void {
    const { call } = this.#library;
    this.#run(
      "meet the other ranks",
      (request) => call.MPI_Ibarrier(this.#world, request),
    );
  }

  abort(code: number): never {
    this.#hasLeft = true;
    // Launchers drop what they have not read of a process that they end.
    Atomics.wait(this.#nap, 0, 0, TO_READ);
    this.#library.call.MPI_Abort(this.#world, code);
    return needDeno().exit(code);
  }

  /** Leave the others, who leave too. */
  leave(): void {
    this.barrier(); // which has a time limit, unlike MPI_Finalize
    this.#hasLeft = true;
    this.#library.call.MPI_Finalize();
  }

  /** Start an operation, and wait until it is done. */
  #run(action: string, start: (request: Request) => number): void {
    const request = this.#request;
    this.#begin(action, request, start);
    this.#waitFor(action, () => this.#isDone(action, request));
  }

  #begin(
    action: string,
    request: Request,
    start: (request: Request) => number,
  ): void {
    if (this.#hasLeft) {
      throw new Error(`Cannot ${action}: this process has left MPI`);
    }
    this.#check(action, start(request));
  }

  #isDone(action: string, request: Request): boolean {
    const { call: { MPI_Test }, abi: { statusIgnore } } = this.#library;
    this.#check(action, MPI_Test(request, this.#flag, statusIgnore));
    return this.#flag[0] === 1;
  }

  #waitFor(action: string, isDone: () => boolean): void {
    const end = performance.now() + 1000 * this.#timeout;
    for (let asks = 0; !isDone(); asks++) {
      if (asks < ASKS) continue;
      Atomics.wait(this.#nap, 0, 0, NAP);
      if (performance.now() > end) this.#giveUp(action);
    }
  }

  /** What was started cannot be taken back, so nothing can follow. */
  #giveUp(action: string): never {
    const { rank, size } = this;
    console.error(
      `Cannot ${action}: rank ${rank} of ${size} has waited ${this.#timeout} seconds for the others: all ranks must call the same operations in the same order`,
    );
    this.abort(1);
  }

  #check(action: string, code: number): void {
    if (code === 0) return;
    const text = new Uint8Array(1024), length = new Int32Array(1);
    this.#library.call.MPI_Error_string(code, text, length);
    const message = new TextDecoder().decode(text.subarray(0, length[0]));
    throw new Error(`Cannot ${action}: MPI says: ${message}`);
  }
}
