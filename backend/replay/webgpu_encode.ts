/**
 * The commands of a program, with bind groups that are made once.
 *
 * @module
 */
import { type Meter, metering } from "../../internal/metering.ts";
import { type Place, slotsOf } from "./webgpu_memory.ts";
import type { Binding, Command, GpuSlot } from "./webgpu_recorded.ts";

/** A command that is ready. */
type Step =
  | {
    readonly pipeline: GPUComputePipeline;
    readonly group: GPUBindGroup;
    readonly groups: readonly [number, number, number];
  }
  | ReadyCopy;

/** A copy that is ready. */
export interface ReadyCopy {
  readonly from: Place;
  readonly to: Place;
  readonly bytes: number;
}

/** Commands that are ready. */
export class Steps {
  readonly #device: GPUDevice;
  readonly #commands: readonly Command[];
  readonly #at: (slot: GpuSlot) => Place;
  readonly #steps: Step[];

  /**
   * Prepare commands.
   *
   * @param device The device.
   * @param commands The commands, in order.
   * @param at Where a slot is now.
   */
  constructor(
    device: GPUDevice,
    commands: readonly Command[],
    at: (slot: GpuSlot) => Place,
  ) {
    this.#device = device;
    this.#commands = commands;
    this.#at = at;
    this.#steps = commands.map((command) => this.#prepare(command));
  }

  /** How many they are. */
  get count(): number {
    return this.#steps.length;
  }

  /** Prepare those anew that use slots which have moved. */
  bind(moved: ReadonlySet<GpuSlot>): void {
    this.#commands.forEach((command, i) => {
      if (slotsOf(command).some((slot) => moved.has(slot))) {
        this.#steps[i] = this.#prepare(command);
      }
    });
  }

  #prepare(command: Command): Step {
    if (command.kind === "copy") {
      const { from, fromOffset, to, toOffset, bytes } = command;
      return {
        from: after(this.#at(from), fromOffset),
        to: after(this.#at(to), toOffset),
        bytes,
      };
    }
    const { pipeline, bindings, groups } = command;
    const entries = bindings.map((binding) => this.#entry(binding));
    const layout = pipeline.getBindGroupLayout(0);
    const group = this.#device.createBindGroup({ layout, entries });
    return { pipeline, group, groups };
  }

  #entry({ binding, slot, offset, size }: Binding): GPUBindGroupEntry {
    const { buffer, offset: first } = this.#at(slot);
    return { binding, resource: { buffer, offset: first + offset, size } };
  }

  /** Give the commands. */
  encode(encoder: GPUCommandEncoder): void {
    if (metering.now) return this.#encodeEach(encoder, metering.now);
    let pass: GPUComputePassEncoder | undefined;
    let last: GPUComputePipeline | undefined;
    for (const step of this.#steps) {
      if ("from" in step) {
        pass?.end();
        pass = last = undefined;
        copy(encoder, step);
        continue;
      }
      pass ??= encoder.beginComputePass();
      if (step.pipeline !== last) pass.setPipeline(last = step.pipeline);
      pass.setBindGroup(0, step.group);
      const { groups } = step;
      pass.dispatchWorkgroups(groups[0], groups[1], groups[2]);
    }
    pass?.end();
  }

  /** Give each command in a pass of its own, so that it is measured. */
  #encodeEach(encoder: GPUCommandEncoder, meter: Meter): void {
    for (const step of this.#steps) {
      const isCopy = "from" in step;
      const name = isCopy ? "copy" : step.pipeline.label || "shader";
      meter.run(name, () => {
        if (isCopy) return copy(encoder, step);
        const pass = encoder.beginComputePass();
        pass.setPipeline(step.pipeline);
        pass.setBindGroup(0, step.group);
        pass.dispatchWorkgroups(...step.groups);
        pass.end();
      });
    }
  }
}

/** The place that begins so many bytes after another. */
function after({ buffer, offset }: Place, bytes: number): Place {
  return { buffer, offset: offset + bytes };
}

/** Give a copy. */
export function copy(
  encoder: GPUCommandEncoder,
  { from, to, bytes }: ReadyCopy,
): void {
  encoder.copyBufferToBuffer(
    from.buffer,
    from.offset,
    to.buffer,
    to.offset,
    bytes,
  );
}
