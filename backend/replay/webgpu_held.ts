/**
 * Tensors on WebGPU that a recorded call finds, and that outlive it.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { frames } from "../../internal/frames.ts";
import { type WebGpuBackend, webGpuBackend } from "../webgpu/backend.ts";
import type { GpuSource } from "./webgpu_recorded.ts";

/** Who holds which data. */
export class HeldTensors {
  readonly #backend: WebGpuBackend = webGpuBackend();
  readonly #statesOf = new Map<object, object[]>();
  readonly #nowOf = new Map<object, (() => tf.TensorInfo)[]>();
  /** Data that others share besides the state that was seen first. */
  readonly #shared = new Set<object>();
  /** What takes the place of the data of an optimizer's slot. */
  readonly #slotOf = new Map<object, () => tf.Tensor>();
  readonly #overwritten = new Set<object>();
  readonly #sources = new Map<object, { isWritten: boolean }>();
  readonly #captured: object[] = [];

  /** Note that a state holds data. */
  state(dataId: object, state: object): void {
    const states = this.#statesOf.get(dataId) ?? [];
    if (states.includes(state)) return;
    const { refCount } = this.#backend.tensorMap.get(dataId);
    if (states.length === 0 && refCount > 1) this.#shared.add(dataId);
    this.#statesOf.set(dataId, states);
    states.push(state);
    this.#nowOf.get(dataId)?.push(() => frames.peek(state) as tf.Tensor);
  }

  /** Note that an optimizer holds data, and `now` other data in a replay. */
  slot(dataId: object, now: () => tf.Tensor): void {
    this.#slotOf.set(dataId, now);
  }

  /** What takes the place of data at a replay, if an optimizer holds it. */
  slotOf(dataId: object): (() => tf.Tensor) | undefined {
    return this.#slotOf.get(dataId);
  }

  /** Note that commands overwrite data. */
  overwrite(dataId: object): void {
    this.#overwritten.add(dataId);
    const source = this.#sources.get(dataId);
    if (source) source.isWritten = true;
  }

  /** Whether commands overwrite anything. */
  get isOverwritten(): boolean {
    return this.#overwritten.size > 0;
  }

  /** Whether data may be other data in a replay. */
  has(dataId: object): boolean {
    const isState = (this.#statesOf.get(dataId)?.length ?? 0) > 0;
    return isState || this.#slotOf.has(dataId);
  }

  /** Where data comes from; if nobody is known to hold it, it is kept until `release`. */
  sourceOf(dataId: object): GpuSource {
    const states = this.#statesOf.get(dataId) ?? [];
    this.#statesOf.set(dataId, states);
    const now: (() => tf.TensorInfo)[] = states.map((state) => () =>
      frames.peek(state) as tf.Tensor
    );
    const slot = this.#slotOf.get(dataId);
    if (slot) now.push(slot);
    const isConstant = now.length === 0;
    if (isConstant) {
      this.#backend.incRef(dataId);
      this.#captured.push(dataId);
      const { shape, dtype } = this.#backend.tensorMap.get(dataId);
      now.push(() => ({ dataId, shape, dtype }));
    }
    this.#nowOf.set(dataId, now);
    const isShared = this.#shared.has(dataId);
    const isWritten = this.#overwritten.has(dataId);
    const source = { now, states, isConstant, isShared, isWritten };
    const held = { kind: "held", ...source } as const;
    this.#sources.set(dataId, held);
    return held;
  }

  /** Let go of tensors that are kept. */
  release(): void {
    for (const dataId of this.#captured.splice(0)) {
      this.#backend.disposeData(dataId);
    }
  }
}
