/**
 * Tensors as rows of floats, which collective operations take, and back.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { wasmBackend } from "../backend/wasm/machine/backend.ts";
import { scope } from "../memory.ts";
import { mapNamed, type Tensors } from "../tensors.ts";

/**
 * Elements from which on a tensor is a row of its own. Smaller ones share a row, since
 * each row costs a round of messages. It must not depend on the rank.
 */
export const LARGE = 2 ** 16;

/** Elements of float32, as rows. */
export type Row = Float32Array<ArrayBufferLike>;

/**
 * Change the elements of tensors, as rows of floats, the same on all ranks.
 *
 * @param tensors Of float32; taken over.
 * @param change Called with each row, to be changed in place.
 * @returns The changed tensors, the caller's: on WASM the same ones, elsewhere new ones.
 */
export async function changeRows(
  tensors: Tensors,
  change: (row: Row) => void,
): Promise<Tensors> {
  const names = Object.keys(tensors);
  const isLarge = (name: string) => tensors[name]!.size >= LARGE;
  const groups = [
    ...names.filter(isLarge).map((name) => [name]),
    names.filter((name) => !isLarge(name)),
  ].filter((group) => group.length > 0);
  if (tf.getBackend() === "wasm") {
    const own: Record<string, tf.Tensor> = {};
    for (const name of names) own[name] = unshared(tensors[name]!);
    for (const group of groups) {
      changeInPlace(group.map((name) => own[name]!), change);
    }
    return own;
  }
  // Reads of a device are asked for together.
  const rows = await Promise.all(
    groups.map((group) => rowOf(group.map((name) => tensors[name]!))),
  );
  const changed: Record<string, tf.Tensor> = {};
  groups.forEach((group, i) => {
    const row = rows[i]!;
    change(row);
    let at = 0;
    for (const name of group) {
      const { size, shape } = tensors[name]!;
      changed[name] = tf.tensor(row.slice(at, at += size), shape, "float32");
    }
  });
  tf.dispose({ ...tensors });
  return mapNamed(tensors, (_, name) => changed[name]!);
}

/** The elements of all, one after the other. */
async function rowOf(tensors: readonly tf.Tensor[]): Promise<Float32Array> {
  if (tensors.length === 1) return await tensors[0]!.data<"float32">();
  const joined = scope(() =>
    tf.concat(tensors.map((x) => tf.reshape<tf.Rank.R1>(x, [-1])))
  );
  const row = await joined.data<"float32">();
  joined.dispose();
  return row;
}

/** Change tensors in their memory in the WASM module, where MPI can reach it. */
function changeInPlace(
  tensors: readonly tf.Tensor[],
  change: (row: Row) => void,
): void {
  const parts = tensors.map(memoryOf);
  if (parts.length === 1) return change(parts[0]!);
  const row = scratch(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) row.set(part, (at += part.length) - part.length);
  change(row);
  at = 0;
  for (const part of parts) part.set(row.subarray(at, at += part.length));
}

/** A copy of the elements of a tensor; on WASM or cpu. */
export function copyOf(x: tf.Tensor): Float32Array {
  return tf.getBackend() === "wasm"
    ? memoryOf(x).slice()
    : Float32Array.from(x.dataSync<"float32">());
}

/** The tensor, or a copy if it shares its memory; takes it over. */
function unshared(x: tf.Tensor): tf.Tensor {
  if (wasmBackend().refCount(x.dataId) === 1) return x;
  const copy = tf.tensor(memoryOf(x).slice(), x.shape, "float32");
  x.dispose();
  return copy;
}

/** The elements of a tensor in the module's memory, valid until something is allocated. */
function memoryOf(x: tf.Tensor): Row {
  return wasmBackend().typedArrayFromHeap(x) as Row;
}

/** Rows that are used again and again, by length. */
const rows = new Map<number, Float32Array>();

function scratch(length: number): Float32Array {
  let row = rows.get(length);
  if (!row) rows.set(length, row = new Float32Array(length));
  return row;
}
