import type { Tensor } from "@tensorflow/tfjs-core";
import { type RecordedRow, recording } from "../../internal/recording.ts";
import type { Tensors } from "../../tensors.ts";
import type { Kernel, LiveRow, Row } from "./kernel.ts";
import type { PackRow } from "./webgpu_packable.ts";
import type { Program } from "./webgpu_program.ts";

/** Tell what is recording of what replays must compute or look up anew. */
export function reportRow(
  kernel: Kernel,
  program: Program,
  row: Row,
  outputs: Tensors,
  uniform: GPUBufferBinding | undefined,
): void {
  const { live } = row;
  if (!live) return;
  recording.now?.row?.({
    uniform: uniform?.buffer,
    scalars: scalarsOf(program, row, live),
    alike: [],
    held: heldOf(kernel, row, live, (name) => outputs[name]),
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
  const { row: first } = rows[0]!;
  if (!first.live) return;
  const lives = rows.map(({ row }) => [row, row.live!] as const);
  recording.now?.row?.({
    uniform: uniform?.buffer,
    scalars: scalarsOf(program, first, first.live),
    alike: lives.map(([row, live]) => scalarsOf(program, row, live)),
    held: lives.flatMap(([row, live]) =>
      heldOf(
        kernel,
        row,
        live,
        (name) => slots.includes(name) ? row.inputs[name] : undefined,
      )
    ),
  });
}

function scalarsOf(
  { host }: Program,
  { scalars }: Row,
  { step, rate, group, scalars: next }: LiveRow,
): RecordedRow["scalars"] {
  const at = host(scalars).map((_, i) => 4 * i);
  return { at, now: () => host(next()), step, rate, group };
}

function heldOf(
  kernel: Kernel,
  { inputs }: Row,
  { tensor }: LiveRow,
  outputOf: (name: string) => Tensor | undefined,
): RecordedRow["held"] {
  return Object.keys(kernel.inputs)
    .filter((name) => tensor(name) && inputs[name]!.size > 0)
    .map((name) => ({
      from: inputs[name]!,
      to: outputOf(name),
      now: () => tensor(name)!,
    }));
}
