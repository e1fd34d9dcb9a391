/**
 * What a recording is told of rows of kernels on WebGPU.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { type RecordedRow, recording } from "../../internal/recording.ts";
import type { Tensors } from "../../tensors.ts";
import type { Kernel, Row } from "./kernel.ts";
import type { PackRow } from "./webgpu_packable.ts";
import type { Program } from "./webgpu_program.ts";

/** Tell what is recording of what replays must compute anew, and of what is overwritten. */
export function reportRow(
  kernel: Kernel,
  program: Program,
  row: Row,
  outputs: Tensors,
  uniform: GPUBufferBinding | undefined,
): void {
  recording.now?.row?.({
    uniform: uniform?.buffer,
    scalars: scalarsOf(program, row),
    alike: [],
    overwritten: overwrittenOf(kernel, row, (name) => outputs[name]),
  });
}

/** The same of rows that are computed as one, and that overwrite `slots`. */
export function reportPack(
  kernel: Kernel,
  program: Program,
  rows: readonly PackRow[],
  slots: readonly string[],
  uniform: GPUBufferBinding | undefined,
): void {
  recording.now?.row?.({
    uniform: uniform?.buffer,
    scalars: scalarsOf(program, rows[0]!.row),
    alike: rows.flatMap(({ row }) => scalarsOf(program, row) ?? []),
    overwritten: rows.flatMap(({ row }) =>
      overwrittenOf(
        kernel,
        row,
        (name) => slots.includes(name) ? row.inputs[name] : undefined,
      )
    ),
  });
}

function scalarsOf(
  program: Program,
  { scalars, live }: Row,
): RecordedRow["scalars"] {
  if (!live) return undefined;
  const { host } = program, { step, rate, group, scalars: next } = live;
  const at = host(scalars).map((_, i) => 4 * i);
  return { at, now: () => host(next()), kernel: program, step, rate, group };
}

function overwrittenOf(
  kernel: Kernel,
  { inputs }: Row,
  outputOf: (name: string) => Tensor | undefined,
): RecordedRow["overwritten"] {
  return Object.keys(kernel.inputs).flatMap((name) => {
    const from = inputs[name]!, to = outputOf(name);
    return to && from.size > 0 ? [[from, to] as const] : [];
  });
}
