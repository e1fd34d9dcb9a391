/**
 * What a recorded call leaves behind: what it returned, and what states hold.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { frames } from "../../internal/frames.ts";
import { gate } from "../../internal/gate.ts";
import { mapTensors } from "../../memory.ts";
import type { StreamPosition } from "../../internal/recording.ts";
import type { ParamState } from "../../state.ts";
import { type Outcome, OutputRef, type StreamDraws } from "./recorded.ts";
import type { StateRecorder } from "./state_recorder.ts";

/** How a recorder of a backend sees tensors. */
interface BufferRecorder<B> extends StateRecorder {
  /** The buffer of a tensor. */
  bufferOf(x: tf.Tensor): B;
  /** Whether `buffer` is what `state` held before the call. */
  isOf(buffer: B, state: object): boolean;
}

/**
 * The outcome of a call; what cannot be replayed is refused.
 *
 * @param recorder The recorder that listened.
 * @param value What was returned.
 * @param copies The arguments.
 */
export function outcomeOf<B>(
  recorder: BufferRecorder<B>,
  value: unknown,
  copies: readonly unknown[],
): Outcome<B> {
  const outputs: Outcome<B>["outputs"][number][] = [];
  const result = mapTensors(value, (x) => {
    const { shape, dtype } = x;
    const output = { buffer: recorder.bufferOf(x), shape, dtype };
    return new OutputRef(outputs.push(output) - 1) as unknown as tf.Tensor;
  });
  if (!isPlain(result)) {
    recorder.refuse("it returns more than tensors and data");
  }
  const written = newContents(recorder);
  const streams = recorder.draws();
  const { settings, values, frozenStates: frozen, conditions } = recorder;
  const consumed = consumedOf(copies);
  return {
    ...{ outputs, result, written, streams, settings, values, frozen },
    conditions,
    consumed,
  };
}

/** States that hold other contents than before. */
function newContents<B>(recorder: BufferRecorder<B>): [object, B][] {
  const contents: [object, B][] = [];
  for (const state of recorder.written) {
    const value = frames.peek(state);
    if (value instanceof tf.Tensor) {
      const buffer = recorder.bufferOf(value);
      if (!recorder.isOf(buffer, state)) contents.push([state, buffer]);
    } else if (!recorder.streams.has(state)) {
      recorder.refuse("it writes a state that holds no tensor");
    }
  }
  return contents;
}

/** Whether `x` is plain data, with outputs in it. */
function isPlain(x: unknown): boolean {
  if (x === null || typeof x !== "object") {
    return typeof x !== "function" && typeof x !== "symbol";
  }
  if (x instanceof OutputRef) return true;
  if (Array.isArray(x)) return x.every(isPlain);
  const isRecord = Object.getPrototypeOf(x) === Object.prototype;
  return isRecord && Object.values(x).every(isPlain);
}

/** Which arguments the function has disposed of: its copies show it. */
function consumedOf(copies: readonly unknown[]): boolean[] {
  const consumed: boolean[] = [];
  mapTensors(copies, (copy) => {
    consumed.push(copy.isDisposed);
    return copy;
  });
  return consumed;
}

/** Dispose of the copies, and of the arguments that the function disposed of. */
export function disposeConsumed(
  consumed: readonly boolean[],
  copies: readonly unknown[],
  args: readonly unknown[],
): void {
  tf.dispose(copies as tf.TensorContainer);
  let i = 0;
  mapTensors([...args], (x) => {
    if (consumed[i++]) x.dispose();
    return x;
  });
}

/** Whether plain values of states and frozen parameters are as they were. */
export function isAsRecorded({ values, frozen }: Outcome<unknown>): boolean {
  for (const [state, value] of values) {
    if (frames.peek(state) !== value) return false;
  }
  for (const [state, value] of frozen) {
    if ((state as ParamState).frozen !== value) return false;
  }
  return true;
}

/** Advance random streams as the call did. */
export function advance(streams: readonly StreamDraws[]): void {
  for (const { state, blocks } of streams) {
    const { key, offset } = frames.peek(state) as StreamPosition;
    const stream = state as { value: StreamPosition };
    stream.value = { key, offset: offset + blocks };
    gate.undo?.(() => stream.value = { key, offset });
  }
}

/** `result` with tensors in place of references to outputs. */
export function withTensors(
  result: unknown,
  tensors: readonly tf.Tensor[],
): unknown {
  if (result instanceof OutputRef) return tensors[result.index];
  if (Array.isArray(result)) return result.map((x) => withTensors(x, tensors));
  if (typeof result === "object" && result !== null) {
    return Object.fromEntries(
      Object.entries(result).map(([key, x]) => [key, withTensors(x, tensors)]),
    );
  }
  return result;
}
