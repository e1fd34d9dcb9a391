/**
 * Recording a call on the WebGPU backend.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { contextDepth } from "../../environ.ts";
import { frames } from "../../internal/frames.ts";
import { recording } from "../../internal/recording.ts";
import { mapTensors } from "../../memory.ts";
import { unpackAll } from "../fusion/webgpu_pack.ts";
import { webGpuBackend } from "../webgpu/backend.ts";
import { runOnce, tensorsIn } from "./arguments.ts";
import { disposeConsumed, outcomeOf } from "./outcome.ts";
import type { Record, Recorded } from "./program.ts";
import { gpuDifferenceOf } from "./webgpu_difference.ts";
import { copyOnDevice } from "./webgpu_memory.ts";
import { WebGpuProgram } from "./webgpu_program.ts";
import type { GpuRecord } from "./webgpu_recorded.ts";
import { giveAllBack } from "./webgpu_residents.ts";
import { WebGpuRecorder } from "./webgpu_recorder.ts";
import { watchingGpu } from "./webgpu_watch.ts";

/** Run `fn` as usual, and record what it does. */
export const recordWebGpu: Record = (fn, args) => {
  // Recordings know tensors by their own buffers.
  unpackAll(webGpuBackend());
  giveAllBack();
  // Copies: an argument may be the same tensor as another, or as a state's.
  const copies = mapTensors([...args], copyOnDevice);
  const recorder = new WebGpuRecorder(
    contextDepth(),
    tensorsIn(copies),
    tensorsIn(args),
  );
  let value: ReturnType<typeof fn>, record: GpuRecord;
  try {
    [value, record] = watchingGpu(webGpuBackend(), recorder, () => {
      recording.now = recorder;
      let value;
      try {
        value = tf.tidy(() =>
          fn(...copies as unknown as typeof args) as tf.TensorContainer
        ) as ReturnType<typeof fn>;
      } finally {
        recording.now = undefined;
      }
      return [value, finish(recorder, value, copies)];
    });
  } catch (error) {
    tf.dispose(copies as tf.TensorContainer);
    recorder.release();
    const { refusal, isPure } = recorder;
    if (!refusal || !isPure) throw error;
    // Its arguments may have had values that could be read, unlike the copies.
    return { value: runOnce(() => fn(...args), args), recorded: refusal };
  }
  // No tensor in it belongs to somebody else.
  value = mapTensors(value, (x) => x.kept ? tf.clone(x) : x);
  disposeConsumed(record.consumed, copies, args);
  const { refusal, isExcepted } = recorder;
  if (!refusal && !isExcepted) {
    return { value, recorded: new WebGpuRecorded(record) };
  }
  recorder.release();
  return { value, recorded: isExcepted ? "excepted" : refusal };
};

/** A recording that programs can be made of. */
class WebGpuRecorded implements Recorded {
  readonly #record: GpuRecord;

  constructor(record: GpuRecord) {
    this.#record = record;
  }

  get settings(): ReadonlyMap<string, unknown> {
    return this.#record.settings;
  }

  differenceFrom(later: Recorded): string | undefined {
    return gpuDifferenceOf(this.#record, (later as WebGpuRecorded).#record);
  }

  build(): WebGpuProgram {
    return new WebGpuProgram(this.#record);
  }

  release(): void {
    this.#record.release();
  }
}

/** All that the call did; what cannot be replayed is refused. */
function finish(
  recorder: WebGpuRecorder,
  value: unknown,
  copies: readonly unknown[],
): GpuRecord {
  const outcome = outcomeOf(recorder, value, copies);
  const known = new Set<object>();
  for (const { dataId } of tensorsIn([value])) known.add(dataId);
  for (const state of recorder.written) {
    const x = frames.peek(state);
    if (x instanceof tf.Tensor) known.add(x.dataId);
  }
  if (recorder.leaves(known)) {
    recorder.refuse("a tensor made in it outlives the call");
  }
  const { commands, host, inspections, slots } = recorder;
  const kept = recorder.kept();
  const release = () => recorder.release();
  return { ...outcome, commands, host, inspections, slots, kept, release };
}
