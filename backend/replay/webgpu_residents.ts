/**
 * Tensors that outlive the runs of a program, and that lie in its columns meanwhile.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import {
  type TensorData,
  type WebGpuBackend,
  webGpuBackend,
} from "../webgpu/backend.ts";
import { lend, restore } from "../webgpu/lent.ts";
import { isBeingRead } from "../webgpu/reads.ts";
import { isShared, type Place } from "./webgpu_memory.ts";

/** The place of a tensor in a column. */
export class Resident {
  /** The place. */
  readonly place: Place;
  readonly #bytes: number;
  readonly #isWritten: boolean;
  readonly #isConstant: boolean;
  readonly #backend: WebGpuBackend = webGpuBackend();
  /** The data whose contents are there. */
  #dataId: object | undefined;
  #data: TensorData | undefined;

  /**
   * A place that holds nothing yet.
   *
   * @param place The place.
   * @param bytes The bytes of the tensor.
   * @param isWritten Whether runs write it.
   * @param isConstant Whether its contents never change.
   */
  constructor(
    place: Place,
    bytes: number,
    isWritten: boolean,
    isConstant: boolean,
  ) {
    this.place = place;
    this.#bytes = bytes;
    this.#isWritten = isWritten;
    this.#isConstant = isConstant;
  }

  /** Whether the contents of data are there, and nobody else uses them. */
  holds(dataId: object): boolean {
    return this.#dataId === dataId;
  }

  /** Whether data must stay as it is: see the function of this name. */
  isShared(dataId: object): boolean {
    const data = this.#data;
    return data && this.#dataId === dataId
      ? data.refCount > 1 || isBeingRead(dataId)
      : isShared(this.#backend, dataId);
  }

  /**
   * What puts the contents of `x` there, which may be once the encoder of the commands
   * is open; undefined if they are there.
   */
  load(
    { dataId }: tf.TensorInfo,
  ): ((to: GPUCommandEncoder) => void) | undefined {
    if (this.#dataId === dataId) return undefined;
    this.giveBack();
    const backend = this.#backend;
    backend.uploadToGPU(dataId);
    const data = backend.tensorMap.get(dataId), from = data.resource!;
    // Others share it: they may change it, or look at it, in ways that are not seen.
    const isShared = data.refCount > 1;
    if (this.#isConstant || !isShared) this.#dataId = dataId;
    if (!this.#isConstant && !isShared) {
      this.#data = data;
      if (this.#isWritten) data.values = null;
      lend(data, () => this.giveBack());
    }
    const { buffer, offset } = this.place;
    return (encoder) =>
      encoder.copyBufferToBuffer(from, 0, buffer, offset, this.#bytes);
  }

  /** Copy the contents to the tensor's own buffer. */
  giveBack(): void {
    const data = this.#data, dataId = this.#dataId!;
    if (!data) return;
    this.#data = this.#dataId = undefined;
    restore(data);
    const backend = this.#backend;
    if (!this.#isWritten || !backend.tensorMap.has(dataId)) return;
    backend.own(dataId);
    const { buffer, offset } = this.place;
    backend.openEncoder()
      .copyBufferToBuffer(buffer, offset, data.resource!, 0, this.#bytes);
  }
}

/** The places of all programs. */
const all = new Set<Resident>();

/** Remember places until they are removed. */
export function addResidents(residents: readonly Resident[]): void {
  for (const resident of residents) all.add(resident);
}

/** Copy what is there back, and forget the places. */
export function removeResidents(residents: readonly Resident[]): void {
  for (const resident of residents) {
    resident.giveBack();
    all.delete(resident);
  }
}

/** Copy all back to the tensors' own buffers. */
export function giveAllBack(): void {
  for (const resident of all) resident.giveBack();
}
