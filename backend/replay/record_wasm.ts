/**
 * Recording a call on the WASM backend.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { contextDepth } from "../../environ.ts";
import { frames } from "../../internal/frames.ts";
import { adopt, mapTensors } from "../../memory.ts";
import { recording, type StreamPosition } from "../../internal/recording.ts";
import { wasmBackend } from "../wasm/machine/backend.ts";
import { differenceOf } from "./difference.ts";
import type { Record, Recorded } from "./program.ts";
import {
  type Buffer,
  type CallRecord,
  type Output,
  OutputRef,
} from "./recorded.ts";
import { copyOf } from "./stand_in.ts";
import { WasmProgram } from "./wasm_program.ts";
import { WasmRecorder } from "./wasm_recorder.ts";
import { bytesOf, watching } from "./watch.ts";

/** Run `fn` as usual, and record what it does. */
export const recordWasm: Record = (fn, args) => {
  const recorder = new WasmRecorder(contextDepth());
  const { buffers } = recorder;
  // Copies: an argument may be the same tensor as another, or as a state's.
  let count = 0;
  const copies = mapTensors([...args], (x) => {
    const copy = copyOf(x);
    buffers.add({ kind: "argument", index: count++ }, bytesOf(x), copy);
    return copy;
  });
  let value;
  recording.now = recorder;
  try {
    value = watching(
      wasmBackend(),
      recorder,
      () =>
        tf.tidy(() =>
          fn(...copies as unknown as typeof args) as tf.TensorContainer
        ) as ReturnType<typeof fn>,
    );
  } catch (error) {
    tf.dispose(copies as tf.TensorContainer);
    buffers.release();
    throw error;
  } finally {
    recording.now = undefined;
  }
  const record = finish(recorder, value, copies);
  value = asNew(value, recorder);
  disposeConsumed(record.consumed, copies, args);
  const { refusal } = recorder;
  if (!refusal) return { value, recorded: new WasmRecorded(record) };
  buffers.release();
  return { value, recorded: refusal };
};

/** A recording that programs can be made of. */
class WasmRecorded implements Recorded {
  readonly #record: CallRecord;

  constructor(record: CallRecord) {
    this.#record = record;
  }

  get settings(): ReadonlyMap<string, unknown> {
    return this.#record.settings;
  }

  differenceFrom(later: Recorded): string | undefined {
    return differenceOf(this.#record, (later as WasmRecorded).#record);
  }

  build(): WasmProgram {
    return new WasmProgram(this.#record);
  }

  release(): void {
    this.#record.release();
  }
}

/** All that the call did; what cannot be replayed is refused. */
function finish(
  recorder: WasmRecorder,
  value: unknown,
  copies: readonly unknown[],
): CallRecord {
  const { buffers, values, streams } = recorder;
  const outputs: Output[] = [];
  const result = mapTensors(value, (x) => {
    const { shape, dtype } = x;
    const output = { buffer: buffers.of(x), shape, dtype };
    return new OutputRef(outputs.push(output) - 1) as unknown as tf.Tensor;
  });
  if (!isPlain(result)) {
    recorder.refuse("it returns more than tensors and data");
  }
  const written = newContents(recorder);
  for (const [state, { key }] of streams) {
    values.delete(state);
    const now = frames.peek(state) as StreamPosition;
    if (now.key[0] !== key[0] || now.key[1] !== key[1]) {
      recorder.refuse("it seeds a random stream");
    }
  }
  const known = new Set<Buffer>();
  for (const { buffer } of outputs) known.add(buffer);
  for (const [, buffer] of written) known.add(buffer);
  for (const _ of buffers.alive(known)) {
    recorder.refuse("a tensor made in it outlives the call");
  }
  return {
    operations: recorder.operations,
    buffers: buffers.all,
    outputs,
    result,
    written,
    streams: Array.from(streams, ([state, { offset }]) => ({
      state,
      blocks: (frames.peek(state) as StreamPosition).offset - offset,
    })),
    settings: recorder.settings,
    values,
    frozen: recorder.frozenStates,
    consumed: consumedOf(copies),
    release: () => buffers.release(),
  };
}

/** States that hold other contents than before. */
function newContents(recorder: WasmRecorder): [object, Buffer][] {
  const contents: [object, Buffer][] = [];
  for (const state of recorder.written) {
    const value = frames.peek(state);
    if (value instanceof tf.Tensor) {
      const buffer = recorder.buffers.of(value);
      const { source } = buffer;
      const isSame = source.kind === "held" && source.state === state;
      if (!isSame) contents.push([state, buffer]);
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

/** The value as the caller gets it: no tensor in it belongs to somebody else. */
function asNew<R>(value: R, { buffers }: WasmRecorder): R {
  return mapTensors(value, (x) => {
    if (buffers.of(x).source.kind === "argument" && !x.isDisposed) {
      const copy = copyOf(x);
      adopt(copy);
      return copy;
    }
    return x.kept ? tf.clone(x) : x;
  });
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
function disposeConsumed(
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
