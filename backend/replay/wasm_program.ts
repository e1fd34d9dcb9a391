/**
 * Replays a recording on the WASM backend.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { frames } from "../../internal/frames.ts";
import { type Meter, metering } from "../../internal/metering.ts";
import {
  allocate,
  type WasmBackend,
  wasmBackend,
  type WasmData,
  wasmMemory,
} from "../wasm/machine/backend.ts";
import { machine } from "../wasm/machine/functions.ts";
import { copyMemory } from "../wasm/machine/memory.ts";
import type { Threads } from "../wasm/machine/threads.ts";
import { emit, type Step } from "./emit.ts";
import { advance, isAsRecorded, withTensors } from "./outcome.ts";
import { type Plan, plan } from "./plan.ts";
import {
  addProgram,
  type Program,
  type Readiness,
  removeProgram,
} from "./program.ts";
import type { Buffer, CallRecord, Operation } from "./recorded.ts";
import { copyOf } from "./stand_in.ts";

/** A tensor that outlives runs, as the program expects it. */
interface Holding {
  readonly now: () => tf.TensorInfo;
  /** States that must hold the same. */
  readonly others: readonly object[];
  readonly isShared: boolean;
  readonly isWritten: boolean;
  x: tf.TensorInfo;
  data: WasmData;
}

/** A state that is written at the end of runs. */
interface Target {
  readonly state: object;
  /** The tensor that it held last. */
  x: tf.Tensor;
}

/** A recording that can be run. */
export class WasmProgram implements Program {
  readonly #record: CallRecord;
  readonly #plan: Plan;
  readonly #backend: WasmBackend = wasmBackend();
  readonly #threads: Threads = machine();
  readonly #memory: number;
  readonly #base: number;
  readonly #holdings: Holding[] = [];
  readonly #targets: readonly Target[];
  readonly #arguments: (Buffer | undefined)[] = [];
  #runAll: () => boolean = () => true;
  /** The steps of each operation, where they are measured. */
  #each: Step[][] | undefined;
  #free: (() => void)[] = [];
  #isDisposed = false;

  /** Build the program of `record`, whose captured tensors it releases in the end. */
  constructor(record: CallRecord) {
    this.#record = record;
    this.#plan = plan(record);
    this.#memory = allocate(this.#plan.bytes + 64);
    this.#base = Math.ceil(this.#memory / 64) * 64;
    this.#targets = record.written.map(([state]) => ({
      state,
      x: frames.peek(state) as tf.Tensor,
    }));
    const written = new Set(
      this.#plan.operations.flatMap(({ writes }) => [...writes]),
    );
    for (const buffer of record.buffers) {
      const { source } = buffer;
      if (source.kind === "argument" && this.#plan.places.has(buffer)) {
        this.#arguments[source.index] = buffer;
      }
      if (source.kind !== "held") continue;
      const { now, states, isShared } = source, x = now();
      this.#holdings.push({
        now,
        others: states.filter((state) => frames.peek(state) !== x),
        isShared,
        isWritten: written.has(buffer),
        x,
        data: this.#backend.dataIdMap.get(x.dataId),
      });
    }
    this.#bind();
    emit(this.#prepare(this.#plan.constant))();
    addProgram(this);
  }

  /** Bytes of memory for temporaries, arguments and constants. */
  get bytes(): number {
    return this.#plan.bytes;
  }

  /** How many operations each run performs. */
  get operations(): number {
    return this.#plan.operations.length;
  }

  /** The names of those that JavaScript performs. */
  get inJavaScript(): readonly string[] {
    return this.#plan.operations
      .filter(({ body }) => body.some(({ kind }) => kind === "host"))
      .map(({ name }) => name);
  }

  /** Whether a transaction can take back all that a run writes. */
  get canBeUndone(): boolean {
    return !this.#holdings.some(({ isWritten }) => isWritten);
  }

  /** Whether it can be run on the states as they are now. */
  check(): Readiness {
    if (this.#isDisposed) return "outdated";
    if (!isAsRecorded(this.#record)) return "outdated";
    const { conditions } = this.#record;
    if (!conditions.every((isTrue) => isTrue())) return "excepted";
    let hasMoved = false, isTaken = false;
    for (const holding of this.#holdings) {
      const x = holding.now();
      for (const state of holding.others) {
        const { dataId } = frames.peek(state) as tf.Tensor;
        if (dataId !== x.dataId) return "outdated";
      }
      if (x !== holding.x) {
        if (!isAlike(x, holding.x)) return "outdated";
        const isMoved = x.dataId !== holding.x.dataId;
        if (isMoved && holding.isShared) return "outdated";
        hasMoved ||= isMoved;
        holding.x = x;
        holding.data = this.#backend.dataIdMap.get(x.dataId);
      }
      // Somebody has a clone, which must stay as it is.
      isTaken ||= holding.isWritten && holding.data.refCount > 1;
    }
    for (const target of this.#targets) {
      const x = frames.peek(target.state) as tf.Tensor;
      if (x !== target.x && !isAlike(x, target.x)) return "outdated";
      target.x = x;
      isTaken ||= this.#backend.dataIdMap.get(x.dataId).refCount > 1;
    }
    if (hasMoved) this.#bind();
    return isTaken ? "eager" : "ready";
  }

  /** Run it on tensors of the recorded shapes. */
  run(args: readonly tf.Tensor[]): unknown {
    const { outputs, written, streams, result, consumed } = this.#record;
    const { dataIdMap } = this.#backend;
    for (let i = 0; i < args.length; i++) {
      const buffer = this.#arguments[i];
      if (!buffer) continue;
      const { memoryOffset } = dataIdMap.get(args[i]!.dataId);
      this.#copy(memoryOffset, this.#at(buffer), buffer.bytes);
    }
    const { now } = metering;
    const isWhole = now ? this.#runEach(now) : this.#runAll();
    // Before states are written: what they held may be returned.
    const tensors = outputs.map(({ buffer, shape, dtype }) => {
      const info = this.#backend.makeOutput(shape, dtype);
      const { memoryOffset } = dataIdMap.get(info.dataId);
      this.#copy(this.#at(buffer), memoryOffset, buffer.bytes);
      return tf.engine().makeTensorFromTensorInfo(info);
    });
    if (isWhole) this.#keepWritten(written, streams);
    for (let i = 0; i < args.length; i++) if (consumed[i]) args[i]!.dispose();
    return withTensors(result, tensors);
  }

  /** Do the operations one by one, so that each is measured. */
  #runEach(meter: Meter): boolean {
    const { operations } = this.#plan;
    this.#each ??= operations.map((operation) => this.#prepare([operation]));
    return this.#each.every((steps, i) => {
      const { name, reads, writes } = operations[i]!;
      const buffers = new Set([...reads, ...writes]);
      return meter.run(
        name,
        () => steps.every(isDone),
        () => [...buffers].reduce((sum, { bytes }) => sum + bytes, 0),
      );
    });
  }

  /** Put what was computed into the states that hold it, and advance streams. */
  #keepWritten(
    written: CallRecord["written"],
    streams: CallRecord["streams"],
  ): void {
    const { dataIdMap, wasm } = this.#backend;
    // What one state held may be what another gets: it is read before any is written.
    const held = written.map(([, buffer]) => {
      if (buffer.source.kind !== "held") return undefined;
      const from = this.#at(buffer);
      return wasm.HEAPU8.slice(from, from + buffer.bytes);
    });
    written.forEach(([state, buffer], i) => {
      const x = frames.peek(state) as tf.Tensor, bytes = held[i];
      frames.overwrite(state, () => copyOf(x));
      const { memoryOffset } = dataIdMap.get(x.dataId);
      if (bytes) wasm.HEAPU8.set(bytes, memoryOffset);
      else this.#copy(this.#at(buffer), memoryOffset, buffer.bytes);
    });
    advance(streams);
  }

  /** Free its memory, and let go of what the recording captured. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    for (const free of this.#free) free();
    this.#backend.wasm._free(this.#memory);
    this.#record.release();
    removeProgram(this);
  }

  #copy(from: number, to: number, bytes: number): void {
    this.#threads.call(copyMemory.index, [from, to, bytes]);
  }

  /** Where a buffer is. */
  readonly #at = (buffer: Buffer): number => {
    const place = this.#plan.places.get(buffer);
    if (place !== undefined) return this.#base + place;
    const { source } = buffer;
    if (source.kind !== "held") return 0; // nothing uses it
    return this.#backend.dataIdMap.get(source.now().dataId).memoryOffset;
  };

  /** Prepare the steps for where everything is now. */
  #bind(): void {
    const heap = new Uint8Array(wasmMemory().buffer);
    const words = new Int32Array(heap.buffer);
    for (const [{ source }, place] of this.#plan.places) {
      const first = this.#base + place;
      if (source.kind === "constant" || source.kind === "table") {
        heap.set(source.bytes, first);
      }
      if (source.kind !== "table") continue;
      for (const [at, buffer] of source.pointers) {
        words[(first + at) >> 2] = this.#at(buffer);
      }
    }
    for (const free of this.#free.splice(0)) free();
    this.#each = undefined;
    this.#runAll = emit(this.#prepare(this.#plan.operations));
  }

  #prepare(operations: readonly Operation[]): Step[] {
    const threads = this.#threads, at = this.#at;
    return operations.flatMap(({ body }) =>
      body.flatMap((work): Step[] => {
        if (work.kind === "host") {
          const prepared = work.prepare(at);
          if (prepared.free) this.#free.push(prepared.free);
          return [prepared];
        }
        const parts = work.parts.map((args) =>
          args.map((x) => typeof x === "number" ? x : at(x.buffer) + x.offset)
        );
        const { fn } = work;
        return typeof fn === "number"
          ? threads.prepare(fn, parts)
          : parts.map((args) => ({ fn, args }));
      })
    );
  }
}

/** Does a step; returns whether the run goes on. */
function isDone(step: Step): boolean {
  if (typeof step === "function") return step() !== false;
  step.fn(...step.args);
  return true;
}

/** Whether tensors have the same dtype and shape. */
function isAlike(
  x: tf.TensorInfo,
  { dtype, shape }: tf.TensorInfo,
): boolean {
  return x.dtype === dtype && tf.util.arraysEqual(x.shape, shape);
}
