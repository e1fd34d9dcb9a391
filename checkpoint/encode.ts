/**
 * Writing checkpoints.
 *
 * @module
 */
import type { ValueMap } from "@std/msgpack";
import * as tf from "@tensorflow/tfjs-core";
import { refuse } from "../internal/check.ts";
import { scope } from "../memory.ts";
import {
  bytesOfElements,
  DataWriter,
  elementsIn,
  freeElements,
} from "./data.ts";
import {
  CHUNK_BYTES,
  FORMAT_VERSION,
  LIBRARY_VERSION,
  MAGIC,
  MAX_HEADER_BYTES,
  MAX_TENSOR_BYTES,
} from "./format.ts";
import {
  ARRAYS,
  bytesOf,
  type Header,
  headerToValue,
  isSavedType,
  type PartEntry,
  type TensorInfo,
} from "./header.ts";
import { classify, type Parts } from "./parts.ts";
import { encodePayload, type Sink, writeRecord } from "./records.ts";
import { checkKey, join, toValue } from "./tree.ts";

/** The values of parts at one moment. */
export class Snapshot {
  /** Everything except the elements of tensors. */
  readonly header: Header;
  /** The tensors in the order of the header, as clones, which share memory. */
  readonly tensors: readonly tf.Tensor[];

  /** Take ownership of `tensors`. */
  constructor(header: Header, tensors: readonly tf.Tensor[]) {
    this.header = header;
    this.tensors = tensors;
  }

  /** Free the tensors that have not been freed. */
  dispose(): void {
    tf.dispose([...this.tensors]);
  }
}

/**
 * Keep the current values of `parts`. Nothing is copied: memory is overwritten in
 * place only by its only owner.
 *
 * @param parts The parts.
 * @param metric The metric of the checkpoint.
 * @param mode Whether smaller or larger metrics are better.
 * @returns The snapshot, which the caller disposes.
 * @throws {TypeError} If a value cannot be saved.
 */
export function takeSnapshot(
  parts: Parts,
  metric?: number,
  mode?: "min" | "max",
): Snapshot {
  if (typeof (parts as Record<string, unknown>)["states"] === "function") {
    const rule = "a record of parts by name, such as { model }";
    refuse("save a checkpoint", "what is saved", rule, parts, TypeError);
  }
  const tensors: tf.Tensor[] = [];
  const infos: TensorInfo[] = [];
  const number = (x: tf.Tensor, path: string) => {
    infos.push(checkTensor(x, path));
    return tensors.push(tf.keep(tf.clone(x))) - 1;
  };
  try {
    const entries: Record<string, PartEntry> = {};
    for (const [name, part] of Object.entries(parts)) {
      checkKey(name, "checkpoint");
      entries[name] = toEntry(part, name, number);
    }
    const header = {
      library: LIBRARY_VERSION,
      time: Date.now(),
      metric: metric ?? null,
      ...mode === undefined ? {} : { mode },
      parts: entries,
      tensors: infos,
      chunkBytes: CHUNK_BYTES,
      dataBytes: infos.reduce((sum, info) => sum + bytesOf(info), 0),
    };
    return new Snapshot(header, tensors);
  } catch (error) {
    tf.dispose(tensors);
    throw error;
  }
}

function toEntry(
  part: unknown,
  name: string,
  number: (x: tf.Tensor, path: string) => number,
): PartEntry {
  const found = classify(part, name);
  if (found.kind === "dict") {
    const value = scope(() => toValue(found.part.stateDict(), name, number));
    return { kind: "dict", value };
  }
  if (found.kind === "states") {
    const value: ValueMap = {};
    for (const [path, state] of Object.entries(found.states)) {
      checkKey(path, name);
      value[path] = toValue(state.value, join(name, path), number);
    }
    return { kind: "states", value };
  }
  const refuse = (_: tf.Tensor, path: string): never => {
    throw new TypeError(
      `Cannot save ${path}: a tensor must be held by a State`,
    );
  };
  return { kind: "data", value: toValue(found.data, name, refuse) };
}

function checkTensor({ dtype, shape }: tf.Tensor, path: string): TensorInfo {
  if (!isSavedType(dtype)) {
    throw new TypeError(
      `Cannot save ${path}: the dtype must be one of ${
        Object.keys(ARRAYS).join(", ")
      }: current value is ${dtype}`,
    );
  }
  const info = { dtype, shape };
  checkTensorBytes(bytesOf(info), path);
  return info;
}

/** Throw for a tensor that is too large for a file. */
export function checkTensorBytes(bytes: number, path: string): void {
  if (bytes <= MAX_TENSOR_BYTES) return;
  throw new RangeError(
    `Cannot save ${path}: a tensor must have at most ${MAX_TENSOR_BYTES} bytes (4 GiB): current value is ${bytes}`,
  );
}

function encodeHeader(header: Header): Uint8Array {
  return encodePayload(headerToValue(header), "header", MAX_HEADER_BYTES);
}

/** Throw unless `parts` can be saved, without writing anything. */
export function checkParts(parts: Parts): void {
  const snapshot = takeSnapshot(parts);
  snapshot.dispose();
  encodeHeader(snapshot.header);
}

/**
 * Write a snapshot. Each tensor is freed as soon as it is written.
 *
 * @param sink The output.
 * @param snapshot The result of {@linkcode takeSnapshot}.
 */
export async function writeSnapshot(
  sink: Sink,
  { header, tensors }: Snapshot,
): Promise<void> {
  const version = new DataView(new ArrayBuffer(4));
  version.setUint32(0, FORMAT_VERSION, true);
  await sink.write(MAGIC);
  await sink.write(new Uint8Array(version.buffer));
  await writeRecord(sink, encodeHeader(header));
  const data = new DataWriter(sink);
  for (const x of tensors) {
    const elements = await elementsIn(x);
    await data.write(bytesOfElements(elements));
    await freeElements(x, elements);
    // Not before: on some backends the tensor uses the array of elements.
    x.dispose();
  }
  await data.end();
}
