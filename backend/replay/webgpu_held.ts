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
  /** Data that is overwritten. */
  readonly overwritten: Set<object> = new Set();
  readonly #backend: WebGpuBackend = webGpuBackend();
  readonly #statesOf = new Map<object, Set<object>>();
  /** What takes the place of the data of an optimizer's slot. */
  readonly #slotOf = new Map<object, () => tf.Tensor>();
  readonly #captured: object[] = [];

  /** Note that a state holds data. */
  state(dataId: object, state: object): void {
    const states = this.#statesOf.get(dataId) ?? new Set();
    this.#statesOf.set(dataId, states.add(state));
  }

  /** Note that an optimizer holds data, and `now` other data in a replay. */
  slot(dataId: object, now: () => tf.Tensor): void {
    this.#slotOf.set(dataId, now);
  }

  /** Whether data may be other data in a replay. */
  has(dataId: object): boolean {
    return this.#statesOf.has(dataId) || this.#slotOf.has(dataId);
  }

  /** Where data comes from; if nobody is known to hold it, it is kept until `release`. */
  sourceOf(dataId: object): GpuSource {
    const states = [...this.#statesOf.get(dataId) ?? []];
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
    const isWritten = this.overwritten.has(dataId);
    return { kind: "held", now, states, isConstant, isWritten };
  }

  /** Let go of tensors that are kept. */
  release(): void {
    for (const dataId of this.#captured.splice(0)) {
      this.#backend.disposeData(dataId);
    }
  }
}
