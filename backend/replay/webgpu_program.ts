/**
 * Replays a recording on the WebGPU backend.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { unpackAll } from "../fusion/webgpu_pack.ts";
import {
  valuesOnHost,
  type WebGpuBackend,
  webGpuBackend,
} from "../webgpu/backend.ts";
import { areAlike } from "./live_numbers.ts";
import { advance, isAsRecorded, withTensors } from "./outcome.ts";
import {
  addProgram,
  type Program,
  type Readiness,
  removeProgram,
} from "./program.ts";
import { Arguments } from "./webgpu_arguments.ts";
import { Steps } from "./webgpu_encode.ts";
import { isShared, type Place } from "./webgpu_memory.ts";
import { planOn } from "./webgpu_plan.ts";
import type { GpuRecord, GpuSlot } from "./webgpu_recorded.ts";
import { addResidents, removeResidents, Resident } from "./webgpu_residents.ts";
import { isAlike, Results } from "./webgpu_results.ts";
import { Room } from "./webgpu_room.ts";

/** A tensor that outlives runs, as the program expects it. */
interface Holding {
  readonly slot: GpuSlot;
  readonly now: readonly (() => tf.TensorInfo)[];
  readonly isShared: boolean;
  readonly isWritten: boolean;
  /** Its place in a column, if it has one. */
  readonly resident: Resident | undefined;
  x: tf.TensorInfo;
  /** Its own buffer, if it has no other place. */
  buffer: GPUBuffer | undefined;
}

/** Devices that were lost. */
const lost = new WeakSet<GPUDevice>();

/** A recording that can be run. */
export class WebGpuProgram implements Program {
  readonly #record: GpuRecord;
  readonly #backend: WebGpuBackend = webGpuBackend();
  readonly #room: Room;
  readonly #steps: Steps;
  readonly #holdings: readonly Holding[];
  readonly #inColumns: readonly Holding[];
  /** Those that commands write in their own buffers. */
  readonly #overwritten: readonly Holding[];
  readonly #residents: readonly Resident[];
  readonly #results: Results;
  readonly #arguments: Arguments;
  #isDisposed = false;

  /** Build the program of `record`, whose captured tensors it releases in the end. */
  constructor(record: GpuRecord) {
    this.#record = record;
    const { device } = this.#backend;
    void device.lost.then(() => lost.add(device));
    const columns = planOn(device, record);
    const room = this.#room = new Room(device, record, columns);
    const written = new Set(record.written.map(([state]) => state));
    const byState = new Map<object, Resident>();
    this.#holdings = record.slots.flatMap((slot): Holding[] => {
      const { source } = slot;
      if (source.kind !== "held") return [];
      const { now, isShared, isWritten, isConstant, states } = source;
      const place = room.at(slot), x = now[0]!();
      const changes = isWritten || states.some((state) => written.has(state));
      const resident = place &&
        new Resident(place, slot.bytes, changes, isConstant);
      if (resident) {
        for (const state of states) byState.set(state, resident);
      }
      const buffer = undefined;
      return [{ slot, now, isShared, isWritten, resident, x, buffer }];
    });
    this.#inColumns = this.#holdings.filter(({ resident }) => resident);
    this.#overwritten = this.#holdings.filter(({ slot, isWritten, resident }) =>
      isWritten && !resident && slot.bytes > 0
    );
    this.#residents = this.#inColumns.map(({ resident }) => resident!);
    this.#arguments = new Arguments(record.slots, room);
    for (const holding of this.#holdings) this.#place(holding);
    this.#steps = new Steps(device, columns.commands, this.#at);
    const residentOf = (state: object) => byState.get(state);
    this.#results = new Results(record, this.#at, residentOf);
    addProgram(this);
    addResidents(this.#residents);
  }

  /** Bytes of buffers for temporaries, arguments and constants. */
  get bytes(): number {
    return this.#room.bytes;
  }

  /** How many commands each run gives. */
  get operations(): number {
    return this.#steps.count;
  }

  /** What JavaScript computes in each run. */
  get inJavaScript(): readonly string[] {
    return this.#record.host.map((step) => {
      if (typeof step === "function") return "effect";
      return step.source.kind === "draw" ? "random" : "fusion";
    });
  }

  /** Whether a transaction can take back all that a run writes. */
  get canBeUndone(): boolean {
    return !this.#holdings.some(({ isWritten }) => isWritten);
  }

  /** Whether it can be run on the states as they are now. */
  check(): Readiness {
    const backend = this.#backend, record = this.#record;
    const isGone = this.#isDisposed || lost.has(backend.device) ||
      webGpuBackend() !== backend;
    if (isGone || !isAsRecorded(record)) return "outdated";
    if (!record.conditions.every((isTrue) => isTrue())) return "excepted";
    unpackAll(backend);
    if (!this.#results.isCurrent || !this.#areAlike()) return "outdated";
    const moved = new Set<GpuSlot>();
    let isTaken = false;
    for (const holding of this.#holdings) {
      const { now, isWritten, resident } = holding, x = now[0]!();
      for (let i = 1; i < now.length; i++) {
        if (now[i]!().dataId !== x.dataId) return "outdated";
      }
      if (x !== holding.x) {
        if (!isAlike(x, holding.x)) return "outdated";
        const isOther = x.dataId !== holding.x.dataId;
        if (isOther && holding.isShared) return "outdated";
        holding.x = x;
      }
      if (this.#place(holding)) moved.add(holding.slot);
      if (isWritten) {
        isTaken ||= resident?.isShared(x.dataId) ?? isShared(backend, x.dataId);
      }
    }
    if (moved.size > 0) this.#steps.bind(moved);
    return isTaken ? "eager" : "ready";
  }

  /** Whether rows that share numbers still depend on the same. */
  #areAlike(): boolean {
    return this.#record.host.every((step) =>
      typeof step === "function" || step.source.kind !== "uniform" ||
      areAlike(step.source.alike)
    );
  }

  /**
   * Put a tensor that lies in no column on the device, where runs may write it; returns
   * whether it is in another buffer than before.
   */
  #place(holding: Holding): boolean {
    const { isWritten, resident, x: { dataId } } = holding;
    if (resident) return false;
    this.#backend.uploadToGPU(dataId);
    const data = this.#backend.tensorMap.get(dataId);
    if (data.resource === holding.buffer) return false;
    if (isWritten) this.#backend.own(dataId);
    holding.buffer = data.resource!;
    return true;
  }

  /** Run it on tensors of the recorded shapes. */
  run(args: readonly tf.Tensor[]): unknown {
    const { streams, result, consumed, inspections } = this.#record;
    const backend = this.#backend;
    for (const { index, look } of inspections) {
      const values = valuesOnHost(args[index]!);
      if (values) look(values as tf.TypedArray);
    }
    this.#arguments.stage(args);
    this.#room.refresh(backend.queue);
    this.#arguments.feed(args);
    const encoder = this.#load();
    this.#steps.encode(encoder);
    for (const { x } of this.#overwritten) {
      backend.tensorMap.get(x.dataId).values = null;
    }
    const tensors = this.#results.put(encoder);
    backend.submitQueue();
    advance(streams);
    for (let i = 0; i < args.length; i++) if (consumed[i]) args[i]!.dispose();
    return withTensors(result, tensors);
  }

  /** Copy tensors to columns that are not there yet; returns the encoder of commands. */
  #load(): GPUCommandEncoder {
    const loads: ((to: GPUCommandEncoder) => void)[] = [];
    for (const { resident, x } of this.#inColumns) {
      const load = resident!.load(x);
      if (load) loads.push(load);
    }
    const encoder = this.#backend.openEncoder();
    for (const load of loads) load(encoder);
    return encoder;
  }

  /** Free its memory, and let go of what the recording captured. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    removeResidents(this.#residents);
    if (this.#residents.length > 0) this.#backend.submitQueue();
    this.#room.dispose();
    this.#record.release();
    removeProgram(this);
  }

  /** Where a slot is. */
  readonly #at = (slot: GpuSlot): Place => {
    const place = this.#room.at(slot);
    if (place) return place;
    const { source } = slot;
    if (source.kind !== "held") throw new Error("A slot has no place");
    const { dataId } = source.now[0]!();
    const { resource } = this.#backend.tensorMap.get(dataId);
    return { buffer: resource!, offset: 0 };
  };
}
