/**
 * The buffers of a call that is being recorded, and the tensors they stand for.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { frames } from "../../internal/frames.ts";
import { type WasmBackend, wasmBackend } from "../wasm/machine/backend.ts";
import type { Buffer, Source } from "./recorded.ts";
import { bytesOf } from "./watch.ts";

/** Buffers by the data of tensors. */
export class Buffers {
  /** All buffers, by number. */
  readonly all: Buffer[] = [];
  readonly #backend: WasmBackend = wasmBackend();
  readonly #byData = new Map<object, Buffer>();
  readonly #statesOf = new Map<object, object[]>();
  /** Data that others share besides the state that was seen first. */
  readonly #shared = new Set<object>();
  /** What takes the place of the data of an optimizer's slot. */
  readonly #slots = new Map<object, () => tf.TensorInfo>();
  readonly #captured: object[] = [];

  /** A new buffer, which stands for the tensor `info` if it is given. */
  add(source: Source, bytes: number, info?: tf.TensorInfo): Buffer {
    const buffer: Buffer = { id: this.all.length, bytes, source };
    this.all.push(buffer);
    if (info) this.#byData.set(info.dataId, buffer);
    return buffer;
  }

  /** Note that `state` holds a tensor; what was made in the call is not the state's. */
  held(dataId: object, state: object): void {
    const kind = this.#byData.get(dataId)?.source.kind;
    const states = this.#statesOf.get(dataId) ?? [];
    if (kind && kind !== "held" || states.includes(state)) return;
    const { refCount } = this.#backend.dataIdMap.get(dataId);
    if (states.length === 0 && refCount > 1) this.#shared.add(dataId);
    this.#statesOf.set(dataId, states);
    states.push(state);
  }

  /** Note that an optimizer holds data, and `now` other data in a replay. */
  slot(dataId: object, now: () => tf.TensorInfo): void {
    this.#slots.set(dataId, now);
  }

  /** The buffer of some data, if there is one. */
  get(dataId: object): Buffer | undefined {
    return this.#byData.get(dataId);
  }

  /**
   * The buffer of a tensor; a new one if the tensor was there before the call. If nobody
   * is known to hold it, it is kept until `release`.
   */
  of(x: tf.TensorInfo): Buffer {
    const known = this.#byData.get(x.dataId);
    if (known) return known;
    return this.add(this.#sourceOf(x), bytesOf(x), x);
  }

  #sourceOf(x: tf.TensorInfo): Source {
    const states = this.#statesOf.get(x.dataId) ?? [];
    this.#statesOf.set(x.dataId, states);
    const [state] = states, isShared = this.#shared.has(x.dataId);
    const held = { kind: "held", states, isShared } as const;
    if (state) {
      const now = () => frames.peek(state) as tf.Tensor;
      return { ...held, now, isConstant: false };
    }
    const now = this.#slots.get(x.dataId);
    if (now) return { ...held, now, isConstant: false };
    this.#backend.incRef(x.dataId);
    this.#captured.push(x.dataId);
    const { dataId, shape, dtype } = x;
    const info = { dataId, shape, dtype };
    return { ...held, now: () => info, isConstant: true };
  }

  /** Buffers made in the call, other than `known`, whose tensors are still alive. */
  *alive(known: ReadonlySet<Buffer>): Generator<Buffer> {
    for (const [dataId, buffer] of this.#byData) {
      const { kind } = buffer.source;
      if (kind === "held" || kind === "argument" || known.has(buffer)) continue;
      if (this.#backend.dataIdMap.has(dataId)) yield buffer;
    }
  }

  /** Let go of tensors that are kept. */
  release(): void {
    for (const dataId of this.#captured.splice(0)) {
      this.#backend.disposeData(dataId);
    }
  }
}
