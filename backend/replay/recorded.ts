/**
 * A call recorded on the WASM backend: operations on buffers, in order.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";

/** Where the contents of a buffer come from. */
export type Source =
  /** An operation writes it. */
  | { readonly kind: "temporary" }
  /** It is the argument of that number. */
  | { readonly kind: "argument"; readonly index: number }
  /** It is a tensor that outlives the call: of a state, of a slot, or captured. */
  | {
    readonly kind: "held";
    /** The tensor now. */
    readonly now: () => tf.TensorInfo;
    /** Whether it is always the same one, which never changes. */
    readonly isConstant: boolean;
    /** The states that hold it: all must hold the same. */
    readonly states: readonly object[];
    /** Whether others shared its data: not even its only holder may hold another. */
    readonly isShared: boolean;
  }
  /** It has these bytes. */
  | { readonly kind: "constant"; readonly bytes: Uint8Array }
  /** It has these bytes, and pointers among them. */
  | {
    readonly kind: "table";
    readonly bytes: Uint8Array;
    readonly pointers: readonly (readonly [at: number, buffer: Buffer])[];
  };

/** A piece of memory. */
export interface Buffer {
  /** Counted in the order of their creation: the same in each recording. */
  readonly id: number;
  /** Its size. */
  readonly bytes: number;
  /** Where its contents come from. */
  source: Source;
}

/** A place in a buffer. */
export interface Pointer {
  /** The buffer. */
  readonly buffer: Buffer;
  /** Bytes from its beginning. */
  readonly offset: number;
}

/** An argument of a call. */
export type Argument = number | Pointer;

/** A WebAssembly function. */
export type WasmCallable = (...args: number[]) => unknown;

/** Calls of a WebAssembly function, which do not depend on each other. */
export interface Call {
  /** Tells it from work in JavaScript. */
  readonly kind: "call";
  /** The number of a function of our module, which takes scratch memory first; or another function. */
  readonly fn: number | WasmCallable;
  /** The arguments of each call. */
  readonly parts: readonly (readonly Argument[])[];
}

/** Where buffers are. */
export type AddressOf = (buffer: Buffer) => number;

/** Work in JavaScript. */
export interface HostWork {
  /** Tells it from calls. */
  readonly kind: "host";
  /** The function that does the work, once the places of buffers are known. */
  readonly prepare: (at: AddressOf) => Prepared;
}

/** Work that is ready to be done. */
export interface Prepared {
  /** Do it; `false` ends the run. */
  (): boolean | void;
  /** Let go of what it needs. */
  readonly free?: () => void;
}

/** One operation. */
export interface Operation {
  /** The kernel, or another name. */
  readonly name: string;
  /** The buffers that it reads. */
  readonly reads: ReadonlySet<Buffer>;
  /** The buffers that it writes. */
  readonly writes: ReadonlySet<Buffer>;
  /** The work, in order. */
  readonly body: readonly (Call | HostWork)[];
  /** Whether each run must do it, even if all it reads is constant. */
  readonly isLive: boolean;
}

/** A tensor that is returned. */
export interface Output<B = Buffer> {
  /** Its contents. */
  readonly buffer: B;
  /** The sizes of its axes. */
  readonly shape: readonly number[];
  /** The type of its elements. */
  readonly dtype: tf.DataType;
}

/** The number of an output, in its place in what is returned. */
export class OutputRef {
  /** The number. */
  readonly index: number;

  /** Refer to an output. */
  constructor(index: number) {
    this.index = index;
  }
}

/** Draws from a random stream. */
export interface StreamDraws {
  /** The state that holds its position. */
  readonly state: object;
  /** How many blocks each call draws. */
  readonly blocks: number;
}

/** What a call leaves behind; `B` is a buffer of the backend. */
export interface Outcome<B> {
  /** The tensors that are returned. */
  readonly outputs: readonly Output<B>[];
  /** What is returned, with an {@linkcode OutputRef} for each tensor. */
  readonly result: unknown;
  /** States that hold other contents afterwards. */
  readonly written: readonly (readonly [state: object, buffer: B])[];
  /** Random streams that were drawn from. */
  readonly streams: readonly StreamDraws[];
  /** Settings that were read, as the caller had them. */
  readonly settings: ReadonlyMap<string, unknown>;
  /** Plain values that were read from states. */
  readonly values: ReadonlyMap<object, unknown>;
  /** Whether parameters were frozen. */
  readonly frozen: ReadonlyMap<object, boolean>;
  /** What must be true for a replay. */
  readonly conditions: readonly (() => boolean)[];
  /** Which arguments the function disposed of. */
  readonly consumed: readonly boolean[];
}

/** All that a call did. */
export interface CallRecord extends Outcome<Buffer> {
  /** The operations, in order. */
  readonly operations: readonly Operation[];
  /** All buffers, by number. */
  readonly buffers: readonly Buffer[];
  /** Let go of what was captured. */
  readonly release: () => void;
}
