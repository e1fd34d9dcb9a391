/**
 * Fuses elementwise commands of WebGPU: those that follow one another on tensors of the
 * same size become one dispatch, which writes only what others read.
 *
 * @module
 */
import type { ElementCode } from "../webgpu/elements.ts";
import {
  compileShader,
  groupsOf as workgroupsOf,
  uniformsOf,
} from "../webgpu/kernels/run.ts";
import {
  countOf,
  fusedName,
  groupsOf,
  type OnElements,
  resultsOf,
} from "./fuse_groups.ts";
import {
  fusedShader,
  type GpuRecipe,
  type Ref,
  THREADS,
} from "./webgpu_fused_code.ts";
import type { GpuOperation } from "./webgpu_memory.ts";
import type { Binding, Command, GpuSlot } from "./webgpu_recorded.ts";

/** A command that computes each element of its result by itself. */
interface GpuElements extends OnElements<GpuSlot, GpuOperation> {
  readonly kernel: string;
  readonly code: ElementCode;
  readonly operands: readonly Operand[];
}

interface Operand {
  readonly buffer: GpuSlot;
  readonly access: ElementCode["accesses"][number];
}

/**
 * The commands of `operations`, with those fused that can be.
 *
 * @param device The device.
 * @param operations The commands of a run, in order, each of which is needed.
 * @param isKept Whether a slot is needed after the run.
 * @param firstId The numbers of new slots begin there.
 */
export function fuseOn(
  device: GPUDevice,
  operations: readonly GpuOperation[],
  isKept: (slot: GpuSlot) => boolean,
  firstId: number,
): Command[] {
  const readers = countOf(operations.map(({ reads }) => reads));
  const results = (members: readonly GpuElements[]) =>
    resultsOf(members, isKept, readers);
  const { maxStorageBuffersPerShaderStage } = device.limits;
  const fits = (members: readonly GpuElements[], next: GpuElements) => {
    const all = [...members, next];
    return next.code.size === all[0]!.code.size &&
      results(all).length + operandsOf(all).buffers.length <=
        maxStorageBuffersPerShaderStage;
  };
  return groupsOf<GpuSlot, GpuOperation, GpuElements>(
    operations,
    elementsOf,
    fits,
  ).map((group) =>
    Array.isArray(group)
      ? fused(device, group, results(group), firstId++)
      : group.command
  );
}

/** What a command computes of each element, if it says so. */
function elementsOf(operation: GpuOperation): GpuElements | undefined {
  const { command } = operation;
  if (command.kind === "copy" || !command.code) return undefined;
  const { bindings, kernel, code } = command;
  const [result, ...rest] = bindings.slice(0, -1); // the last are numbers
  const isWhole = rest.length === code.inputs.length &&
    bindings.every(({ binding, offset }, i) => binding === i && offset === 0);
  if (!result || !isWhole) return undefined;
  const operands = rest.map(({ slot }, i) => (
    { buffer: slot, access: code.accesses[i]! }
  ));
  return { operation, kernel, code, operands, result: result.slot };
}

/** What commands read that none of them computes, and from which buffers. */
function operandsOf(
  members: readonly GpuElements[],
): { operands: Operand[]; buffers: GpuSlot[] } {
  const own = new Set(members.map(({ result }) => result));
  const operands: Operand[] = [];
  for (const operand of members.flatMap(({ operands }) => operands)) {
    const isNew = !own.has(operand.buffer) &&
      placeOf(operands, operand) < 0;
    if (isNew) operands.push(operand);
  }
  return { operands, buffers: [...new Set(operands.map((x) => x.buffer))] };
}

function placeOf(
  operands: readonly Operand[],
  { buffer, access }: Operand,
): number {
  const same = JSON.stringify(access);
  return operands.findIndex((other) =>
    other.buffer === buffer && JSON.stringify(other.access) === same
  );
}

/** One dispatch of several, with its numbers in a slot of that number. */
function fused(
  device: GPUDevice,
  members: readonly GpuElements[],
  results: readonly number[],
  id: number,
): Command {
  const { operands, buffers } = operandsOf(members);
  const refOf = (operand: Operand): Ref => {
    const step = members.findIndex(({ result }) => result === operand.buffer);
    return step >= 0 ? { step } : { operand: placeOf(operands, operand) };
  };
  const kernel = fusedName(members.map(({ kernel }) => kernel));
  const recipe: GpuRecipe = {
    name: kernel,
    operands: operands.map(({ buffer, access }) => (
      { buffer: buffers.indexOf(buffer), access }
    )),
    steps: members.map(({ code, operands }) => (
      { code, args: operands.map(refOf) }
    )),
    results,
  };
  const { shader, values } = fusedShader(recipe);
  const words = uniformsOf(shader, values);
  const bytes = new Uint8Array(words.buffer);
  const numbers: GpuSlot = {
    id,
    bytes: bytes.length,
    source: { kind: "uniform", bytes, live: undefined, alike: [] },
  };
  const slots = [
    ...results.map((i) => members[i]!.result),
    ...buffers,
    numbers,
  ];
  return {
    kind: "dispatch",
    pipeline: pipelineOf(device, shader),
    bindings: slots.map((slot, binding): Binding => (
      { binding, slot, offset: 0, size: slot.bytes }
    )),
    groups: workgroupsOf(Math.ceil(members[0]!.code.size / THREADS)),
    kernel,
    code: undefined,
  };
}

/** The most pipelines that are kept for other programs. */
const MOST_PIPELINES = 1000;

const compiled = new WeakMap<GPUDevice, Map<string, GPUComputePipeline>>();

/** The pipeline of a shader: programs with the same shader share it. */
function pipelineOf(
  device: GPUDevice,
  shader: Parameters<typeof compileShader>[1],
): GPUComputePipeline {
  const known = compiled.get(device) ?? new Map<string, GPUComputePipeline>();
  compiled.set(device, known);
  const key = JSON.stringify(shader);
  let pipeline = known.get(key);
  if (!pipeline) {
    if (known.size >= MOST_PIPELINES) known.clear();
    known.set(key, pipeline = compileShader(device, shader));
  }
  return pipeline;
}
