/**
 * A call recorded on the WebGPU backend: commands on buffers, in order.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { ElementCode } from "../webgpu/elements.ts";
import type { TableScalars } from "../../internal/recording.ts";
import type { Outcome } from "./recorded.ts";

/** Where the contents of a buffer come from. */
export type GpuSource =
  /** A command writes it. */
  | { readonly kind: "temporary" }
  /** It is the argument of that number. */
  | { readonly kind: "argument"; readonly index: number }
  /** It is a tensor that outlives the call: of states, of a slot, or captured. */
  | {
    readonly kind: "held";
    /** The tensor now: all holders must hold the same. */
    readonly now: readonly (() => tf.TensorInfo)[];
    /** The states among the holders. */
    readonly states: readonly object[];
    /** Whether it is always the same one, which never changes. */
    readonly isConstant: boolean;
    /** Whether others shared its data: not even its only holder may hold another. */
    readonly isShared: boolean;
    /** Whether commands write it. */
    isWritten: boolean;
  }
  /** It has these bytes, in each run anew if commands write it. */
  | { readonly kind: "constant"; readonly bytes: Bytes; isWritten: boolean }
  /** It holds numbers for one command, of which each run computes `live` anew. */
  | {
    readonly kind: "uniform";
    bytes: Bytes;
    live: TableScalars | undefined;
    /** Of all rows that share the numbers: they must depend on the same. */
    alike: readonly TableScalars[];
  }
  /** It holds numbers, often random ones, of which each run computes `now` anew. */
  | {
    readonly kind: "draw";
    readonly now: () => Float32Array;
    /** The stream they are from, if they are, and how many blocks after its next. */
    readonly from:
      | { readonly stream: object; readonly skip: number }
      | undefined;
  };

/** Bytes in memory of JavaScript. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** What the contents of a buffer of the device are at some time. */
export interface GpuSlot {
  /** Counted in the order of their creation: the same in each recording. */
  readonly id: number;
  /** Its size. */
  readonly bytes: number;
  /** Where its contents come from. */
  source: GpuSource;
}

/** A part of a buffer that a shader sees. */
export interface Binding {
  /** Its number in the shader. */
  readonly binding: number;
  /** The buffer. */
  readonly slot: GpuSlot;
  /** Bytes before it. */
  readonly offset: number;
  /** Its bytes. */
  readonly size: number;
}

/** A run of a shader. */
export interface Dispatch {
  readonly kind: "dispatch";
  readonly pipeline: GPUComputePipeline;
  readonly bindings: readonly Binding[];
  /** Workgroups along each axis. */
  readonly groups: readonly [number, number, number];
  /** The kernel that it is part of. */
  readonly kernel: string;
  /**
   * What it computes of each element, if that is all it does: its output is bound
   * first, then its inputs in order, then its numbers.
   */
  readonly code: ElementCode | undefined;
}

/** A copy of a part of a buffer. */
export interface Copy {
  readonly kind: "copy";
  readonly from: GpuSlot;
  /** Bytes before the part. */
  readonly fromOffset: number;
  readonly to: GpuSlot;
  readonly toOffset: number;
  readonly bytes: number;
}

/** A command of the device. */
export type Command = Dispatch | Copy;

/** Work in JavaScript that each run does: an effect, or the numbers of a buffer. */
export type HostStep = (() => void) | GpuSlot;

/** A look at the values of an argument, where the computer's memory has them. */
export interface Inspection {
  /** The number of the argument. */
  readonly index: number;
  /** May throw. */
  readonly look: (values: tf.TypedArray) => void;
}

/** All that a call did. */
export interface GpuRecord extends Outcome<GpuSlot> {
  /** The commands, in order. */
  readonly commands: readonly Command[];
  /** The work in JavaScript, in order. */
  readonly host: readonly HostStep[];
  /** What is looked at before a run. */
  readonly inspections: readonly Inspection[];
  /** All buffers, by number. */
  readonly slots: readonly GpuSlot[];
  /** Tensors of optimizers that hold other contents afterwards. */
  readonly kept: readonly (readonly [now: () => tf.Tensor, slot: GpuSlot])[];
  /** Let go of what was captured. */
  readonly release: () => void;
}
