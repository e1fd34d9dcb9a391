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
  type Shader,
  shaderOfPipeline,
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
import type {
  Binding,
  Command,
  Dispatch,
  GpuSlot,
  GpuSource,
} from "./webgpu_recorded.ts";

/** A command that computes each element of its result, all but heads by itself. */
interface GpuElements extends OnElements<GpuSlot, GpuOperation> {
  readonly command: Dispatch;
  /** How many elements the result has. */
  readonly size: number;
  /** What it computes of each; heads compute as their shaders say. */
  readonly code: ElementCode | undefined;
  readonly operands: readonly Operand[];
}

interface Operand {
  readonly buffer: GpuSlot;
  readonly access: ElementCode["accesses"][number];
}

/** The most operations that follow a head, whose shader has them several times. */
const MOST_FOLLOWERS = 4;

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
    const all = [...members, next], [first] = members;
    if (!next.code || next.size !== first!.size) return false;
    if (!first!.code && !canFollow(members, next.code)) return false;
    const { operands, ofHead } = operandsOf(all);
    return results(all).length + operands.length + ofHead.length <=
      maxStorageBuffersPerShaderStage;
  };
  const elements = elementsIn(operations);
  return groupsOf<GpuSlot, GpuOperation, GpuElements>(
    operations,
    (operation) => elements.get(operation),
    fits,
  ).map((group) =>
    Array.isArray(group)
      ? fused(device, group, results(group), firstId++)
      : group.command
  );
}

/** Whether one more operation is computed where a head writes its result. */
function canFollow(
  members: readonly GpuElements[],
  { functions }: ElementCode,
): boolean {
  // Drivers are slow to compile long functions many times.
  return members.length <= MOST_FOLLOWERS && functions.length === 0;
}

/** The commands that compute elements, and the heads that such commands read from. */
function elementsIn(
  operations: readonly GpuOperation[],
): ReadonlyMap<GpuOperation, GpuElements> {
  const found = new Map<GpuOperation, GpuElements>();
  const read = new Set<GpuSlot>();
  for (const operation of operations) {
    const elements = elementsOf(operation);
    if (!elements) continue;
    found.set(operation, elements);
    for (const { buffer, access } of elements.operands) {
      if (access === "each") read.add(buffer);
    }
  }
  for (const operation of operations) {
    const head = headOf(operation);
    if (head && read.has(head.result)) found.set(operation, head);
  }
  return found;
}

/** What a command computes of each element, if it says so. */
function elementsOf(operation: GpuOperation): GpuElements | undefined {
  const { command } = operation;
  if (command.kind === "copy" || !command.code) return undefined;
  const { bindings, code } = command;
  const [result, ...rest] = bindings.slice(0, -1); // the last are numbers
  const isKnown = rest.length === code.inputs.length && isWhole(bindings);
  if (!result || !isKnown) return undefined;
  const operands = rest.map(({ slot }, i) => (
    { buffer: slot, access: code.accesses[i]! }
  ));
  const { size } = code;
  return { operation, command, size, code, operands, result: result.slot };
}

/** A command whose shader lets others follow where it writes its result. */
function headOf(operation: GpuOperation): GpuElements | undefined {
  const { command } = operation;
  if (command.kind === "copy") return undefined;
  const { bindings, pipeline } = command, [result] = bindings;
  if (!shaderOfPipeline(pipeline)?.put || !isWhole(bindings)) return undefined;
  const numbers = bindings.at(-1)!.slot.source;
  if (numbers.kind !== "uniform" || numbers.live) return undefined;
  const { slot, size } = result!;
  const own = { size: size / 4, code: undefined, operands: [], result: slot };
  return { operation, command, ...own };
}

/** Whether bindings are numbered in their order, and of slots from their beginning. */
function isWhole(bindings: readonly Binding[]): boolean {
  return bindings.every(({ binding, offset }, i) =>
    binding === i && offset === 0
  );
}

/** What operations read that none of them computes. */
function operandsOf(members: readonly GpuElements[]): {
  /** Of those that compute each element by itself. */
  readonly operands: readonly Operand[];
  /** Of a head. */
  readonly ofHead: readonly GpuSlot[];
} {
  const own = new Set(members.map(({ result }) => result));
  const operands: Operand[] = [];
  for (const operand of members.flatMap(({ operands }) => operands)) {
    const isNew = !own.has(operand.buffer) &&
      placeOf(operands, operand) < 0;
    if (isNew) operands.push(operand);
  }
  const { code, command } = members[0]!;
  const ofHead = code
    ? []
    : command.bindings.slice(1, -1).map(({ slot }) => slot);
  return { operands, ofHead };
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
  const { operands, ofHead } = operandsOf(members);
  const { command, code, size } = members[0]!;
  const head = code ? undefined : shaderOfPipeline(command.pipeline);
  const first = head ? 1 : 0; // the first step among the members
  const refOfMember = (i: number): Ref =>
    i < first ? "head" : { step: i - first };
  const refOf = (operand: Operand): Ref => {
    const i = members.findIndex(({ result }) => result === operand.buffer);
    return i >= 0 ? refOfMember(i) : { operand: placeOf(operands, operand) };
  };
  const kernel = fusedName(members.map(({ command }) => command.kernel));
  const recipe: GpuRecipe = {
    name: kernel,
    operands: operands.map(({ access }) => access),
    steps: members.slice(first).map(({ code, operands }) => (
      { code: code!, args: operands.map(refOf) }
    )),
    results: results.map(refOfMember),
    head,
  };
  const { shader, values } = fusedShader(recipe);
  const numbers = numbersOf(shader, values, head && command.bindings.at(-1));
  const slots = [
    ...results.map((i) => members[i]!.result),
    ...ofHead,
    ...operands.map(({ buffer }) => buffer),
    { id, bytes: numbers.bytes.length, source: numbers },
  ];
  return {
    kind: "dispatch",
    pipeline: pipelineOf(device, shader),
    bindings: slots.map((slot, binding): Binding => (
      { binding, slot, offset: 0, size: slot.bytes }
    )),
    groups: head ? command.groups : workgroupsOf(Math.ceil(size / THREADS)),
    kernel,
    code: undefined,
  };
}

/** The uniforms of a shader: those of its head, then `values`. */
function numbersOf(
  shader: Shader,
  values: readonly number[],
  ofHead: Binding | undefined,
): Extract<GpuSource, { kind: "uniform" }> {
  const all = Object.entries(shader.uniforms);
  const uniforms = Object.fromEntries(all.slice(all.length - values.length));
  let words = uniformsOf({ ...shader, uniforms }, values);
  const source = ofHead?.slot.source;
  if (source?.kind === "uniform") {
    // Two numbers are in all uniforms.
    const known = new Uint32Array(source.bytes.slice().buffer);
    words = Uint32Array.of(...known, ...words.subarray(2));
  }
  const bytes = new Uint8Array(words.buffer);
  return { kind: "uniform", bytes, live: undefined, alike: [] };
}

/** The most pipelines that are kept for other programs. */
const MOST_PIPELINES = 1000;

const compiled = new WeakMap<GPUDevice, Map<string, GPUComputePipeline>>();

/** The pipeline of a shader: programs with the same shader share it. */
function pipelineOf(
  device: GPUDevice,
  shader: Shader,
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
