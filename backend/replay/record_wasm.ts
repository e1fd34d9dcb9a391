/**
 * Recording a call on the WASM backend.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { contextDepth } from "../../environ.ts";
import { mapTensors } from "../../memory.ts";
import { recording } from "../../internal/recording.ts";
import { wasmBackend } from "../wasm/machine/backend.ts";
import { differenceOf } from "./difference.ts";
import { disposeConsumed, outcomeOf } from "./outcome.ts";
import type { Record, Recorded } from "./program.ts";
import type { Buffer, CallRecord } from "./recorded.ts";
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
  value = asNew(value);
  disposeConsumed(record.consumed, copies, args);
  const { refusal, isWhole, isExcepted } = recorder;
  if (!refusal && isWhole && !isExcepted) {
    return { value, recorded: new WasmRecorded(record) };
  }
  buffers.release();
  return { value, recorded: isExcepted ? "excepted" : refusal };
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
  const { buffers } = recorder;
  const outcome = outcomeOf(recorder, value, copies);
  const known = new Set<Buffer>();
  for (const { buffer } of outcome.outputs) known.add(buffer);
  for (const [, buffer] of outcome.written) known.add(buffer);
  for (const _ of buffers.alive(known)) {
    recorder.refuse("a tensor made in it outlives the call");
  }
  return {
    ...outcome,
    operations: recorder.operations,
    buffers: buffers.all,
    release: () => buffers.release(),
  };
}

/** The value as the caller gets it: no tensor in it belongs to somebody else. */
function asNew<R>(value: R): R {
  return mapTensors(value, (x) => x.kept && !x.isDisposed ? tf.clone(x) : x);
}
