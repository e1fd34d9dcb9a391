/**
 * Listens to what a function does on the WASM backend.
 *
 * The unit is a kernel of tfjs, its content the calls of our WASM functions. An
 * address among their arguments becomes a place in a buffer: one of the kernel's
 * inputs, or what it made. A kernel that works on memory in JavaScript is run again
 * as it is, on tensors that stand for the buffers.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import type {
  KernelParams,
  RandomDraw,
  RecordedLaunch,
  Recorder,
  WasmListener,
} from "../../internal/recording.ts";
import { type WasmBackend, wasmBackend } from "../wasm/machine/backend.ts";
import { copyMemory } from "../wasm/machine/memory.ts";
import { Buffers } from "./buffers.ts";
import { effect, guard, inspection, numbers } from "./host_work.ts";
import { launchOperation } from "./launch.ts";
import type {
  Argument,
  Buffer,
  Call,
  HostWork,
  Operation,
} from "./recorded.ts";
import { inputsOf, kernelAgain, type Made } from "./stand_in.ts";
import { StateRecorder } from "./state_recorder.ts";
import { bytesOf, type TensorListener } from "./watch.ts";

/** A kernel that is running. */
interface OpenKernel {
  readonly inputs: readonly tf.TensorInfo[];
  readonly made: Made[];
  readonly calls: Call[];
  /** Whether it works on memory in JavaScript. */
  usesMemory: boolean;
}

/** What a function has done so far. */
export class WasmRecorder extends StateRecorder
  implements Recorder, WasmListener, TensorListener {
  /** The recorder itself. */
  readonly wasm: WasmListener = this;

  /** The buffers of its tensors. */
  readonly buffers: Buffers = new Buffers();
  /** Its operations, in order. */
  readonly operations: Operation[] = [];
  /** What was computed of constants alone. */
  readonly #computed = new Set<Buffer>();
  readonly #backend: WasmBackend = wasmBackend();
  #words: { readonly address: number; readonly buffer: Buffer } | undefined;
  #kernel: OpenKernel | undefined;
  #isInspecting = false;
  #isWhole = true;

  protected override holds(x: tf.Tensor, state: object): void {
    this.buffers.held(x.dataId, state);
  }

  slot(x: tf.Tensor, now: () => tf.Tensor): void {
    this.buffers.slot(x.dataId, now);
  }

  /** The buffer of a tensor. */
  bufferOf(x: tf.Tensor): Buffer {
    return this.buffers.of(x);
  }

  /** Whether the call has gone to its end: no guard has found a number that is not finite. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Whether `buffer` is what `state` held before the call. */
  isOf({ source }: Buffer, state: object): boolean {
    return source.kind === "held" && source.states.includes(state);
  }

  effect(fn: () => void): void {
    this.#push("effect", [], [], [effect(fn)], true);
  }

  guard(x: tf.Tensor): boolean {
    const buffer = this.buffers.of(x);
    this.#push("guard", [buffer], [], [guard(buffer)], true);
    let isFinite = false;
    this.#inspecting(() => isFinite = Number.isFinite(x.dataSync()[0]));
    if (!isFinite) this.#isWhole = false;
    return isFinite;
  }

  inspect(
    x: tf.TensorInfo,
    look: (values: tf.TypedArray) => void,
    read: () => void,
  ): void {
    if (this.#kernel) {
      this.#kernel.usesMemory = true; // it will look again
      return read();
    }
    const buffer = this.buffers.of(x);
    this.#push("inspect", [buffer], [], [inspection(buffer, x, look)], true);
    this.#inspecting(read);
  }

  /** Read values that replays will read too. */
  #inspecting(read: () => void): void {
    this.#isInspecting = true;
    try {
      read();
    } finally {
      this.#isInspecting = false;
    }
  }

  drawn(drawing: RandomDraw): void {
    const skip = this.skipOf(drawing);
    this.numbers(drawing.x, this.drawOf(drawing, skip));
  }

  numbers(x: tf.Tensor, now: () => Float32Array): void {
    const made = this.buffers.get(x.dataId)!;
    made.source = { kind: "temporary" };
    this.#push("random", [], [made], [numbers(made, now)], true);
  }

  reads(dataId: object): void {
    if (this.#isInspecting) return;
    if (this.#kernel) {
      this.#kernel.usesMemory = true; // it will read again
      return;
    }
    const buffer = this.buffers.get(dataId);
    if (!buffer || !isConstant(buffer)) this.refuse("it reads values");
  }

  made(
    dataId: object,
    values: tf.TypedArray | null,
    shape: readonly number[],
    dtype: tf.DataType,
  ): void {
    if (dtype === "complex64" || dtype === "string") {
      return this.refuse(`it computes with tensors of ${dtype}`);
    }
    const info = { dataId, shape: [...shape], dtype };
    const bytes = bytesOf(info);
    const kernel = this.#kernel;
    if (values && !kernel) {
      const view = new Uint8Array(values.buffer, values.byteOffset, bytes);
      this.buffers.add({ kind: "constant", bytes: view.slice() }, bytes, info);
      return;
    }
    const buffer = this.buffers.add({ kind: "temporary" }, bytes, info);
    if (!kernel) return;
    const address = this.#backend.dataIdMap.get(dataId).memoryOffset;
    kernel.made.push({ buffer, address, shape, dtype });
    if (values) kernel.usesMemory = true;
  }

  kernel<R>(name: string, params: KernelParams, run: () => R): R {
    if (this.#kernel) return run(); // part of another kernel
    const kernel: OpenKernel = {
      inputs: inputsOf(params),
      made: [],
      calls: [],
      usesMemory: false,
    };
    this.#kernel = kernel;
    try {
      return run();
    } finally {
      this.#kernel = undefined;
      this.#close(name, params, kernel);
    }
  }

  #close(name: string, params: KernelParams, kernel: OpenKernel) {
    const { inputs, made, calls, usesMemory } = kernel;
    const writes = made.map(({ buffer }) => buffer);
    if (usesMemory) {
      const reads = inputs.map((x) => this.buffers.of(x));
      const work = kernelAgain(name, params, made, (x) => this.buffers.of(x));
      this.#push(name, reads, writes, [work]);
    } else if (calls.length > 0) {
      const used = calls.flatMap(({ parts }) => parts.flat())
        .flatMap((arg) => typeof arg === "number" ? [] : [arg.buffer]);
      const reads = used.filter((buffer) => !writes.includes(buffer));
      this.#push(name, reads, writes, calls);
    }
  }

  call(
    index: number,
    addresses: number,
    parts: readonly (readonly number[])[],
  ): void {
    const kernel = this.#kernel;
    if (!kernel) {
      return this.refuse("it calls WASM functions outside of kernels");
    }
    kernel.calls.push({
      kind: "call",
      fn: index,
      parts: parts.map((part) =>
        part.map((word, i) =>
          i < addresses && word !== 0 ? this.#place(kernel, word) : word
        )
      ),
    });
  }

  /** The buffer and offset of an address. */
  #place(kernel: OpenKernel, address: number): Argument {
    const { dataIdMap } = this.#backend;
    const isIn = (first: number, bytes: number) =>
      address >= first && address < first + bytes;
    for (const { buffer, address: first } of kernel.made.toReversed()) {
      if (isIn(first, buffer.bytes)) return { buffer, offset: address - first };
    }
    for (const x of kernel.inputs) {
      const first = dataIdMap.get(x.dataId).memoryOffset;
      if (isIn(first, bytesOf(x))) {
        return { buffer: this.buffers.of(x), offset: address - first };
      }
    }
    if (this.#words?.address === address) {
      return { buffer: this.#words.buffer, offset: 0 };
    }
    kernel.usesMemory = true; // memory that is neither: run it again as it is
    return address;
  }

  words(words: readonly number[], address: number): void {
    const bytes = new Uint8Array(Int32Array.from(words).buffer);
    const buffer = this.buffers.add({ kind: "constant", bytes }, bytes.length);
    this.#words = { address, buffer };
  }

  isFixed(x: tf.TensorInfo): boolean {
    return this.#isFixed(this.buffers.of(x));
  }

  #isFixed(buffer: Buffer): boolean {
    return isConstant(buffer) || this.#computed.has(buffer);
  }

  memory(): void {
    if (this.#isInspecting) return;
    if (this.#kernel) this.#kernel.usesMemory = true;
    else this.refuse("it works on memory outside of kernels");
  }

  launch(launch: RecordedLaunch): void {
    const table = this.buffers.add({
      kind: "table",
      bytes: launch.image,
      pointers: launch.pointers.map(({ at, x }) =>
        [at, this.buffers.of(x)] as const
      ),
    }, launch.image.length);
    const copies = launch.copies.map(([from, to]): Call => ({
      kind: "call",
      fn: copyMemory.index,
      parts: [[
        { buffer: this.buffers.of(from), offset: 0 },
        { buffer: this.buffers.of(to), offset: 0 },
        bytesOf(from),
      ]],
    }));
    const sources = launch.copies.map(([from]) => this.buffers.of(from));
    const operation = launchOperation(launch, table, copies, sources);
    this.operations.push(operation);
  }

  #push(
    name: string,
    reads: readonly Buffer[],
    writes: readonly Buffer[],
    body: readonly (Call | HostWork)[],
    isLive = false,
  ) {
    const [from, to] = [new Set(reads), new Set(writes)];
    if (!isLive && reads.every((buffer) => this.#isFixed(buffer))) {
      for (const buffer of writes) this.#computed.add(buffer);
    }
    this.operations.push({ name, reads: from, writes: to, body, isLive });
  }
}

function isConstant({ source }: Buffer): boolean {
  return source.kind === "constant" ||
    source.kind === "held" && source.isConstant;
}
