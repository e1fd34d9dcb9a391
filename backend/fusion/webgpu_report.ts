import { recording } from "../../internal/recording.ts";
import type { Tensors } from "../../tensors.ts";
import type { Kernel, Row } from "./kernel.ts";
import type { Program } from "./webgpu_program.ts";

/** Tell what is recording of what replays must compute or look up anew. */
export function reportRow(
  kernel: Kernel,
  { host }: Program,
  { inputs, scalars, live }: Row,
  outputs: Tensors,
  uniform: GPUBufferBinding | undefined,
): void {
  if (!live) return;
  const { step, rate, group, tensor } = live;
  const held = Object.keys(kernel.inputs)
    .filter((name) => tensor(name) && inputs[name]!.size > 0)
    .map((name) => ({
      from: inputs[name]!,
      to: outputs[name],
      now: () => tensor(name)!,
    }));
  const at = host(scalars).map((_, i) => 4 * i);
  const now = () => host(live.scalars());
  recording.now?.row?.({
    uniform: uniform?.buffer,
    scalars: { at, now, step, rate, group },
    held,
  });
}
