/**
 * Puts the arguments of a program where its commands read them.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { type WebGpuBackend, webGpuBackend } from "../webgpu/backend.ts";
import { deviceValues } from "../webgpu/machine/values.ts";
import { bytesOf, type Place } from "./webgpu_memory.ts";
import type { Bytes, GpuSlot } from "./webgpu_recorded.ts";
import type { Room } from "./webgpu_room.ts";

/** An argument that commands read. */
interface Argument {
  readonly index: number;
  readonly place: Place;
  /** Bytes that are written to its place before each run; undefined if it is large. */
  readonly staged: Bytes | undefined;
  /** Whether it stays at its place until it is written anew. */
  readonly stays: boolean;
  /** The data whose values in the computer's memory are there. */
  now: object | undefined;
}

/** The arguments that commands read. */
export class Arguments {
  readonly #arguments: readonly Argument[];
  readonly #backend: WebGpuBackend = webGpuBackend();

  /** Find the arguments among `slots`. */
  constructor(slots: readonly GpuSlot[], room: Room) {
    this.#arguments = slots.flatMap((slot): Argument[] => {
      const { source } = slot, place = room.at(slot);
      if (source.kind !== "argument" || !place) return [];
      const { index } = source, staged = room.stagedOf(slot);
      const stays = room.isAlone(slot);
      return [{ index, place, staged, stays, now: undefined }];
    });
  }

  /** Put the values of small arguments into the bytes that are written next. */
  stage(args: readonly tf.Tensor[]): void {
    for (const { index, staged } of this.#arguments) {
      if (!staged) continue;
      const words = this.#wordsOf(args[index]!);
      if (!words) continue;
      const { buffer, byteOffset, byteLength } = words;
      staged.set(new Uint8Array(buffer, byteOffset, byteLength));
    }
  }

  /** Put all others in their places, which no pending command uses. */
  feed(args: readonly tf.Tensor[]): void {
    const backend = this.#backend;
    for (const argument of this.#arguments) {
      const { index, place: { buffer, offset }, staged, stays } = argument;
      const x = args[index]!, { resource } = backend.tensorMap.get(x.dataId);
      if (resource) {
        argument.now = undefined;
        backend.openEncoder()
          .copyBufferToBuffer(resource, 0, buffer, offset, bytesOf(x));
      } else if (!staged && argument.now !== x.dataId) {
        backend.queue.writeBuffer(buffer, offset, this.#wordsOf(x)!);
        argument.now = stays ? x.dataId : undefined;
      }
    }
  }

  /** The values of a tensor that is not on the device. */
  #wordsOf(
    { dataId }: tf.TensorInfo,
  ): ReturnType<typeof deviceValues> | undefined {
    const { resource, values, dtype } = this.#backend.tensorMap.get(dataId);
    return resource ? undefined : deviceValues(values as tf.TypedArray, dtype);
  }
}
