/**
 * Whether two recordings on WebGPU are of the same program.
 *
 * @module
 */
import type {
  Command,
  GpuRecord,
  GpuSlot,
  HostStep,
} from "./webgpu_recorded.ts";

/** Why a program made of `a` would not do what `b` did; undefined if it would. */
export function gpuDifferenceOf(
  a: GpuRecord,
  b: GpuRecord,
): string | undefined {
  const count = a.commands.length;
  if (count !== b.commands.length) {
    return `one has ${count} commands, another ${b.commands.length}`;
  }
  for (let i = 0; i < count; i++) {
    if (!areEqual(a.commands[i]!, b.commands[i]!)) {
      return `command ${i} is another`;
    }
  }
  if (a.slots.length !== b.slots.length) return "they use other tensors";
  for (let i = 0; i < a.slots.length; i++) {
    const difference = sourceDifference(a.slots[i]!, b.slots[i]!);
    if (difference !== undefined) return difference;
  }
  if (hostText(a.host) !== hostText(b.host)) {
    return "they do other work in JavaScript";
  }
  if (JSON.stringify(a.result) !== JSON.stringify(b.result)) {
    return "they return other values";
  }
  const targets = ({ written, kept, outputs }: GpuRecord) => [
    ...kept.map(([, { id }]) => id),
    ...written.map(([, { id }]) => id),
    ...outputs.map(({ buffer }) => buffer.id),
  ];
  const isSame = targets(a).join() === targets(b).join() &&
    a.written.every(([state], i) => state === b.written[i]?.[0]);
  return isSame ? undefined : "they write other states";
}

function areEqual(p: Command, q: Command): boolean {
  if (p.kind === "copy" || q.kind === "copy") {
    return p.kind === "copy" && q.kind === "copy" &&
      p.from.id === q.from.id && p.fromOffset === q.fromOffset &&
      p.to.id === q.to.id && p.toOffset === q.toOffset && p.bytes === q.bytes;
  }
  return p.pipeline === q.pipeline &&
    p.groups.every((n, i) => n === q.groups[i]) &&
    p.bindings.length === q.bindings.length &&
    p.bindings.every(({ binding, slot, offset, size }, i) => {
      const other = q.bindings[i]!;
      return binding === other.binding && slot.id === other.slot.id &&
        offset === other.offset && size === other.size;
    });
}

function sourceDifference(a: GpuSlot, b: GpuSlot): string | undefined {
  const [p, q] = [a.source, b.source];
  if (a.bytes !== b.bytes) return "they use other tensors";
  if (p.kind === "constant" && q.kind === "constant") {
    const isSame = p.bytes.every((byte, i) => byte === q.bytes[i]);
    return isSame ? undefined : "numbers that JavaScript computes have changed";
  }
  if (p.kind === "uniform" && q.kind === "uniform") {
    const live = new Set(
      p.live?.at.flatMap((at) => [0, 1, 2, 3].map((k) => at + k)),
    );
    const isSame = !p.live === !q.live && p.alike.length === q.alike.length &&
      p.bytes.every((byte, i) => live.has(i) || byte === q.bytes[i]);
    return isSame ? undefined : "numbers that JavaScript computes have changed";
  }
  if (p.kind === "held" && q.kind === "held") {
    const isSame = p.isConstant === q.isConstant &&
      p.states.length === q.states.length &&
      p.states.every((state, i) => state === q.states[i]) &&
      (!p.isConstant || p.now[0]!().dataId === q.now[0]!().dataId);
    return isSame ? undefined : "they read other tensors";
  }
  if (p.kind === "draw" && q.kind === "draw") {
    const isSame = p.from?.stream === q.from?.stream &&
      p.from?.skip === q.from?.skip;
    return isSame ? undefined : "they draw other random numbers";
  }
  const isSame = p.kind === q.kind &&
    (p.kind !== "argument" || p.index === (q as typeof p).index);
  return isSame ? undefined : "they use other tensors";
}

function hostText(steps: readonly HostStep[]): string {
  return steps.map((step) => typeof step === "function" ? "-" : step.id).join();
}
