/**
 * Whether two recordings are of the same program.
 *
 * @module
 */
import type { Argument, Buffer, CallRecord, Operation } from "./recorded.ts";

/** Why a program made of `a` would not do what `b` did; undefined if it would. */
export function differenceOf(a: CallRecord, b: CallRecord): string | undefined {
  const count = a.operations.length;
  if (count !== b.operations.length) {
    return `one has ${count} operations, another ${b.operations.length}`;
  }
  for (let i = 0; i < count; i++) {
    const [p, q] = [a.operations[i]!, b.operations[i]!];
    if (textOf(p) !== textOf(q)) {
      return p.name === q.name
        ? `operation ${i} (${p.name}) has other arguments`
        : `operation ${i} is ${p.name} in one, ${q.name} in another`;
    }
  }
  if (a.buffers.length !== b.buffers.length) return "they use other tensors";
  for (let i = 0; i < a.buffers.length; i++) {
    const difference = sourceDifference(a.buffers[i]!, b.buffers[i]!);
    if (difference !== undefined) return difference;
  }
  if (JSON.stringify(a.result) !== JSON.stringify(b.result)) {
    return "they return other values";
  }
  return undefined;
}

function sourceDifference(a: Buffer, b: Buffer): string | undefined {
  const [p, q] = [a.source, b.source];
  if (p.kind !== q.kind || a.bytes !== b.bytes) return "they use other tensors";
  if (p.kind === "constant" && q.kind === "constant") {
    const isSame = p.bytes.every((byte, i) => byte === q.bytes[i]);
    if (!isSame) return "numbers that JavaScript computes have changed";
  }
  if (p.kind === "held" && q.kind === "held") {
    const isSame = p.states.length === q.states.length &&
      p.states.every((state, i) => state === q.states[i]);
    if (!isSame) return "they read other states";
  }
  if (p.kind === "held" && q.kind === "held" && p.isConstant && q.isConstant) {
    if (p.now().dataId !== q.now().dataId) return "they read other tensors";
  }
  return undefined;
}

function textOf({ name, body }: Operation): string {
  const text = (x: Argument) =>
    typeof x === "number" ? x : `#${x.buffer.id}+${x.offset}`;
  const works = body.map((work) =>
    work.kind === "host"
      ? "host"
      : `${typeof work.fn === "number" ? work.fn : "pass"}(${
        work.parts.map((part) => part.map(text).join()).join(";")
      })`
  );
  return `${name} ${works.join()}`;
}
