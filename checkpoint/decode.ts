/**
 * Reading checkpoints.
 *
 * Everything is read, checked and turned into tensors before a part changes.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { apply } from "./apply.ts";
import { DataReader, freeElements, makeTensor } from "./data.ts";
import { type Differences, type LoadOptions, report } from "./differences.ts";
import {
  CheckpointError,
  FORMAT_VERSION,
  MAGIC,
  MAX_HEADER_BYTES,
} from "./format.ts";
import { ARRAYS, bytesOf, type Header, headerFromValue } from "./header.ts";
import type { Parts } from "./parts.ts";
import { makePlan } from "./load_plan.ts";
import { readRecord, type Source } from "./records.ts";
import type { PlainData } from "./tree.ts";

/** The parts of `P` that are plain data, with the types that can be loaded. */
export type DataOf<P> = {
  readonly [
    K in keyof P as P[K] extends PlainData ? K : never
  ]: P[K] extends null | undefined ? PlainData : P[K];
};

/** The result of loading a checkpoint. */
export interface CheckpointReport<P = Parts> extends Differences {
  /** The parts that are plain data, as the file has them. */
  readonly data: DataOf<P>;
}

/** Read the header at the beginning of a file. */
export async function readHeader(source: Source): Promise<Header> {
  const start = new Uint8Array(Math.min(MAGIC.length + 4, source.left));
  await source.fill(start);
  if (!MAGIC.every((byte, i) => byte === start[i])) {
    throw new CheckpointError("Cannot read the header: this is no checkpoint");
  }
  if (start.length < MAGIC.length + 4) {
    throw new CheckpointError("Cannot read the header: the file ends early");
  }
  const version = new DataView(start.buffer).getUint32(MAGIC.length, true);
  if (version === 0 || version > FORMAT_VERSION) {
    throw new CheckpointError(
      `Cannot read the header: the format version must be at most ${FORMAT_VERSION} (a newer library may read it): current version is ${version}`,
    );
  }
  const header = headerFromValue(
    await readRecord(source, "header", MAX_HEADER_BYTES),
  );
  if (header.dataBytes > source.left) {
    throw new CheckpointError(
      `Cannot read the tensors: the file ends early: ${header.dataBytes} bytes must follow, and ${source.left} do`,
    );
  }
  return header;
}

/** Read and check the rest of a file whose header has been read. */
export async function verifyData(
  source: Source,
  header: Header,
): Promise<void> {
  await new DataReader(source, header).end();
}

/**
 * Load parts from a file.
 *
 * @param source The whole file.
 * @param parts The parts to load.
 * @param options See {@linkcode LoadOptions}.
 * @param name The file, for errors.
 * @returns The differences, and the plain data.
 */
export async function load<P extends Parts>(
  source: Source,
  parts: P,
  options: LoadOptions,
  name: string,
): Promise<CheckpointReport<P>> {
  const header = await readHeader(source);
  const kept: tf.Tensor[] = [];
  try {
    const plan = makePlan(header, parts, kept);
    report(plan, options, name);
    const tensors = await readTensors(source, header, plan.wanted);
    for (const x of tensors.values()) kept.push(x);
    apply(plan, tensors);
    const { missing, unexpected, mismatched, data } = plan;
    return { missing, unexpected, mismatched, data: data as DataOf<P> };
  } finally {
    tf.dispose(kept);
  }
}

/** The wanted tensors by number; the others are read to check them. */
async function readTensors(
  source: Source,
  header: Header,
  wanted: ReadonlySet<number>,
): Promise<Map<number, tf.Tensor>> {
  const reader = new DataReader(source, header);
  const tensors = new Map<number, tf.Tensor>();
  try {
    for (const [number, info] of header.tensors.entries()) {
      if (!wanted.has(number)) {
        await reader.skip(bytesOf(info));
        continue;
      }
      const bytes = new Uint8Array(bytesOf(info));
      await reader.fill(bytes);
      const elements = new ARRAYS[info.dtype](bytes.buffer);
      const x = makeTensor(elements, info);
      tensors.set(number, x);
      await freeElements(x, elements);
    }
    await reader.end();
    return tensors;
  } catch (error) {
    tf.dispose([...tensors.values()]);
    throw error;
  }
}
