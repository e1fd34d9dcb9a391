/** Which tensors of a recording lie in columns, and which copies stay. */
import { assertEquals } from "@std/assert";
import { columnsOf } from "../../backend/replay/webgpu_columns.ts";
import type {
  Command,
  GpuRecord,
  GpuSlot,
  GpuSource,
} from "../../backend/replay/webgpu_recorded.ts";
import { webGpuBackend } from "../../backend/webgpu/backend.ts";
import type { tf } from "../../mod.ts";
import { onEachBackend } from "../_backends.ts";

const ALIGN = 256;

/** Slots and commands, made one after the other. */
class Sketch {
  readonly slots: GpuSlot[] = [];
  readonly commands: Command[] = [];
  readonly outputs: GpuSlot[] = [];
  readonly written: [state: object, slot: GpuSlot][] = [];
  readonly #pipeline: GPUComputePipeline;

  constructor() {
    const { device } = webGpuBackend();
    const code = `
      @group(0) @binding(0) var<storage, read> a: array<f32>;
      @group(0) @binding(1) var<storage, read_write> b: array<f32>;
      @compute @workgroup_size(1) fn main() { b[0] = a[0]; }`;
    this.#pipeline = device.createComputePipeline({
      layout: "auto",
      compute: { module: device.createShaderModule({ code }) },
    });
  }

  slot(bytes: number, source: GpuSource = { kind: "temporary" }): GpuSlot {
    const slot = { id: this.slots.length, bytes, source };
    this.slots.push(slot);
    return slot;
  }

  held(bytes: number, state: object = {}): GpuSlot {
    const info = { dataId: {}, shape: [bytes / 4], dtype: "float32" as const };
    return this.slot(bytes, {
      kind: "held",
      now: [() => info as tf.TensorInfo],
      states: [state],
      ...{ isConstant: false, isShared: false, isWritten: false },
    });
  }

  /** A shader that reads `from` and writes `to`. */
  run(from: GpuSlot, to: GpuSlot): this {
    this.commands.push({
      kind: "dispatch",
      pipeline: this.#pipeline,
      bindings: [from, to].map((slot, binding) => (
        { binding, slot, offset: 0, size: slot.bytes }
      )),
      groups: [1, 1, 1],
      kernel: "",
      code: undefined,
    });
    return this;
  }

  copy(
    [from, fromOffset]: [GpuSlot, number],
    [to, toOffset]: [GpuSlot, number],
    bytes: number,
  ): this {
    this.commands.push({
      kind: "copy",
      ...{ from, fromOffset, to, toOffset, bytes },
    });
    return this;
  }

  /** Put another tensor into the second part of a column. */
  beside(column: GpuSlot): this {
    const x = this.slot(12);
    return this.run(this.held(4), x).copy([x, 0], [column, ALIGN], 12);
  }

  /** How many copies stay. */
  get copies(): number {
    const record = {
      commands: this.commands,
      slots: this.slots,
      outputs: this.outputs.map((buffer) => ({ buffer })),
      written: this.written,
      kept: [],
    } as unknown as GpuRecord;
    const { commands } = columnsOf(record, ALIGN);
    return commands.filter(({ kind }) => kind === "copy").length;
  }
}

/** Sketches with two tensors of 12 bytes in a column, and the copies that stay. */
const SKETCHES: Readonly<
  Record<string, [draw: (sketch: Sketch) => void, copies: number]>
> = {
  "tensors that are computed, and then read as a column": [(s) => {
    const [x, y, out] = [s.slot(12), s.slot(12), s.slot(4)];
    const column = s.slot(268), from = s.held(4);
    s.run(from, x).run(from, y);
    s.copy([x, 0], [column, 0], 12).copy([y, 0], [column, ALIGN], 12);
    s.run(column, out);
  }, 0],
  "tensors that are written as a column, and then read": [(s) => {
    const [x, y, out] = [s.slot(12), s.slot(12), s.slot(4)];
    const column = s.slot(268), from = s.held(4);
    s.run(from, column);
    s.copy([column, 0], [x, 0], 12).copy([column, ALIGN], [y, 0], 12);
    s.run(x, out).run(y, out);
  }, 0],
  "tensors that outlive the call, and change in the column": [(s) => {
    const x = s.held(12), y = s.held(12), column = s.slot(268);
    s.copy([x, 0], [column, 0], 12).copy([y, 0], [column, ALIGN], 12);
    s.run(s.held(4), column);
    s.copy([column, 0], [x, 0], 12).copy([column, ALIGN], [y, 0], 12);
  }, 0],
  "one of them keeps its values, and the column changes": [(s) => {
    const x = s.held(12), y = s.held(12), column = s.slot(268);
    s.copy([x, 0], [column, 0], 12).copy([y, 0], [column, ALIGN], 12);
    s.run(s.held(4), column);
    s.copy([column, ALIGN], [y, 0], 12);
  }, 1],
  "a temporary is read again after the column has changed": [(s) => {
    const x = s.slot(12), column = s.slot(268), out = s.slot(4);
    s.run(s.held(4), x).copy([x, 0], [column, 0], 12).beside(column);
    s.run(s.held(4), column).run(x, out);
  }, 1],
  "a temporary is returned after the column has changed": [(s) => {
    const x = s.slot(12), column = s.slot(268);
    s.run(s.held(4), x).copy([x, 0], [column, 0], 12).beside(column);
    s.run(s.held(4), column);
    s.outputs.push(x);
  }, 1],
  "a tensor changes after it was copied, and the column is read": [(s) => {
    const x = s.slot(12), column = s.slot(268), out = s.slot(4);
    s.run(s.held(4), x).copy([x, 0], [column, 0], 12).beside(column);
    s.run(s.held(4), x).run(column, out);
  }, 1],
  "a shader would read and write parts of one column": [(s) => {
    const x = s.slot(12), y = s.slot(12), column = s.slot(268);
    s.run(s.held(4), x).run(x, y);
    s.copy([x, 0], [column, 0], 12).copy([y, 0], [column, ALIGN], 12);
    s.run(column, s.slot(4));
  }, 1],
  "a shader reads the column and writes one of them": [(s) => {
    const x = s.slot(12), y = s.slot(12), column = s.slot(268);
    s.run(s.held(4), x).copy([x, 0], [column, 0], 12);
    s.run(column, y).copy([y, 0], [column, ALIGN], 12);
    s.run(column, s.slot(4));
  }, 1],
  "one is copied to another, which cannot be within the column": [(s) => {
    const x = s.slot(12), y = s.slot(12), column = s.slot(268);
    s.run(s.held(4), x).copy([x, 0], [y, 0], 12);
    s.copy([x, 0], [column, 0], 12).copy([y, 0], [column, ALIGN], 12);
    s.run(column, s.slot(4));
  }, 2],
  "one is copied to two parts of the column": [(s) => {
    const x = s.slot(12), column = s.slot(268);
    s.run(s.held(4), x);
    s.copy([x, 0], [column, 0], 12).copy([x, 0], [column, ALIGN], 12);
    s.run(column, s.slot(4));
  }, 2],
  "one is what the state of another holds afterwards, which is copied": [
    (s) => {
      const state = {}, x = s.held(12, state), y = s.slot(12);
      const column = s.slot(268);
      s.run(s.held(4), y);
      s.copy([x, 0], [column, 0], 12).copy([y, 0], [column, ALIGN], 12);
      s.run(column, s.slot(4));
      s.written.push([state, y]);
    },
    1,
  ],
  "parts begin where shaders cannot bind them": [(s) => {
    const x = s.slot(12), y = s.slot(12), column = s.slot(24);
    s.run(s.held(4), x).run(s.held(4), y);
    s.copy([x, 0], [column, 0], 12).copy([y, 0], [column, 12], 12);
    s.run(column, s.slot(4));
  }, 1],
  "parts overlap": [(s) => {
    const x = s.slot(260), column = s.slot(268);
    s.run(s.held(4), x).copy([x, 0], [column, 0], 260).beside(column);
    s.run(column, s.slot(4));
  }, 2],
  "a tensor is copied to two columns": [(s) => {
    const x = s.slot(12), first = s.slot(268), second = s.slot(268);
    s.run(s.held(4), x);
    s.copy([x, 0], [first, 0], 12).copy([x, 0], [second, 0], 12);
    s.beside(first).beside(second);
    s.run(first, s.slot(4)).run(second, s.slot(4));
  }, 1],
  "numbers that are always the same are copied to a buffer": [(s) => {
    const bytes = new Uint8Array(12), column = s.slot(12);
    const x = s.slot(12, { kind: "constant", bytes, isWritten: false });
    s.copy([x, 0], [column, 0], 12).run(column, s.slot(4));
  }, 0],
  "numbers are copied to a buffer that is written then": [(s) => {
    const bytes = new Uint8Array(12), column = s.slot(12);
    const x = s.slot(12, { kind: "constant", bytes, isWritten: false });
    s.copy([x, 0], [column, 0], 12).run(s.held(4), column);
  }, 1],
  "a tensor is copied to a buffer of its own": [(s) => {
    const x = s.slot(12), y = s.slot(12);
    s.run(s.held(4), x).copy([x, 0], [y, 0], 12).run(y, s.slot(4));
  }, 1],
};

for (const [name, [draw, copies]] of Object.entries(SKETCHES)) {
  onEachBackend(`copies that stay: ${copies}, of ${name}`, () => {
    const sketch = new Sketch();
    draw(sketch);
    assertEquals(sketch.copies, copies);
  }, { only: ["webgpu"] });
}
