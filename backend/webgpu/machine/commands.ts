/**
 * tfjs' WebGPU backend with buffers, numbers, bind groups, submits and reads of ours.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type {
  ShaderProgram,
  TfjsBackend,
  UniformField,
  WebGpuBackend,
} from "../backend.ts";
import { BindGroups, makeBindGroup } from "./bind_groups.ts";
import { Buffers } from "./buffers.ts";
import { Constants } from "./constants.ts";
import { fieldsOf, layOut } from "./fields.ts";
import { notePipelines } from "./pipelines.ts";
import { Reader } from "./reading.ts";
import { Uniforms, type Words } from "./uniforms.ts";
import { deviceValues } from "./values.ts";

/** About the most dispatches that wait to be submitted. */
const MOST_PENDING = 1024;

/** The class of a backend. */
export type BackendClass<T> = new (
  device: GPUDevice,
  info: GPUAdapterInfo,
) => T;

/**
 * tfjs' backend class, where
 *
 * - commands are submitted when something is read, after each step of an optimizer,
 *   and when very many are pending, not after every 15 dispatches;
 * - temporaries use the same memory within a submit;
 * - bind groups, and numbers that shaders read, are made once;
 * - values that ops put on the device again and again are put there once.
 *
 * While a function is recorded to be replayed, each command has buffers and a bind
 * group of its own.
 */
export function withCommands(
  base: BackendClass<TfjsBackend>,
): BackendClass<WebGpuBackend> {
  return class extends base implements WebGpuBackend {
    isRecorded = false;
    readonly #buffers: Buffers;
    readonly #groups: BindGroups;
    readonly #uniforms: Uniforms;
    readonly #constants = new Constants();
    readonly #reader: Reader;
    /** Buffers of numbers for the pending commands, while it is recorded. */
    #recorded: GPUBuffer[] = [];
    #pipeline: GPUComputePipeline | undefined;
    #pending = 0;

    constructor(device: GPUDevice, info: GPUAdapterInfo) {
      super(device, info);
      notePipelines(device);
      this.#buffers = this.bufferManager = new Buffers(device);
      this.#groups = new BindGroups(device);
      this.#uniforms = new Uniforms(device);
      this.#reader = Reader.open(device);
      // Buffers serve again before the next submit: see Buffers.
      this.commandQueueOwnedIds = { add() {}, has: () => false };
    }

    get readsAtOnce(): boolean {
      return this.#reader.readsAtOnce;
    }

    override uploadToGPU(dataId: object): void {
      const data = this.tensorMap.get(dataId);
      if (data.resource) {
        if (this.isRecorded) this.own(dataId);
        return;
      }
      const { values, shape, dtype } = data;
      if (!values) {
        const bytes = tf.util.sizeFromShape(shape) *
          (dtype === "complex64" ? 8 : 4);
        data.resource = this.#buffers.acquireBuffer(bytes, storage());
        return;
      }
      const numbers = values as tf.TypedArray;
      const upload = () => this.#upload(numbers, dtype);
      const shared = this.isRecorded ? undefined : this.#constants
        .of(numbers, dtype, () => {
          const buffer = upload();
          this.#buffers.keep(buffer);
          return buffer;
        });
      data.resource = shared ?? upload();
      data.values = null;
    }

    #upload(values: tf.TypedArray, dtype: string): GPUBuffer {
      const words = deviceValues(values, dtype);
      const buffer = this.#buffers.acquireIdle(words.byteLength, storage());
      // Deno ends the process when it is given nothing to write.
      if (words.length > 0) this.queue.writeBuffer(buffer, 0, words);
      return buffer;
    }

    own(dataId: object): void {
      const data = this.tensorMap.get(dataId), { resource, dtype } = data;
      const values = resource && this.#constants.in(resource);
      if (values) data.resource = this.#upload(values, dtype);
    }

    override makeUniforms(fields: UniformField[]): GPUBufferBinding {
      return this.changing(layOut(fields));
    }

    constant(words: Words): GPUBufferBinding {
      if (this.isRecorded) return this.changing(words);
      // Not in `dispatch`: numbers that change have places up to the next submit only.
      if (this.#pending >= MOST_PENDING) this.submitQueue();
      if (this.#uniforms.isFull) {
        this.submitQueue();
        this.#uniforms.clear();
      }
      return this.#uniforms.constant(words);
    }

    changing(words: Words): GPUBufferBinding {
      if (!this.isRecorded) return this.#uniforms.changing(words);
      const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
      const buffer = this.bufferManager
        .acquireBuffer(words.byteLength, usage, false, false);
      this.queue.writeBuffer(buffer, 0, words);
      this.#recorded.push(buffer);
      return { buffer, offset: 0, size: words.byteLength };
    }

    dispatch(
      pipeline: GPUComputePipeline,
      bindings: readonly GPUBufferBinding[],
      groups: readonly [number, number, number],
    ): void {
      this.ensureCommandEncoderReady();
      const pass = this.computePassEncoder ??= this.commandEncoder!
        .beginComputePass();
      if (pipeline !== this.#pipeline) {
        pass.setPipeline(this.#pipeline = pipeline);
      }
      const group = this.isRecorded
        ? makeBindGroup(this.device, pipeline, bindings)
        : this.#groups.of(pipeline, bindings);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...groups);
      this.#pending++;
    }

    override recordAndSubmit(
      program: ShaderProgram,
      output: tf.TensorInfo,
      inputs: tf.TensorInfo[],
      uniforms?: UniformField[],
    ): void {
      // tfjs times each shader in a pass of its own.
      if (this.activeTimers) {
        return super.recordAndSubmit(program, output, inputs, uniforms);
      }
      const fields = fieldsOf(program, inputs, output);
      const words = layOut(uniforms ? [...fields, ...uniforms] : fields);
      const bindings = [output, ...inputs].map((x) => ({
        buffer: this.tensorMap.get(x.dataId).resource!,
      }));
      this.dispatch(
        program.pipeline,
        [...bindings, this.constant(words)],
        program.dispatch,
      );
    }

    openEncoder(): GPUCommandEncoder {
      this.ensureCommandEncoderReady();
      this.endComputePassEncoder();
      return this.commandEncoder!;
    }

    override endComputePassEncoder(): void {
      super.endComputePassEncoder();
      this.#pipeline = undefined;
    }

    override submitQueue(): void {
      this.endComputePassEncoder();
      if (!this.commandEncoder) return;
      this.#uniforms.write(this.queue);
      this.queue.submit([this.commandEncoder.finish()]);
      this.commandEncoder = null;
      this.#pending = 0;
      this.#buffers.submitted();
      for (const buffer of this.#recorded) {
        this.bufferManager.releaseBuffer(buffer, false);
      }
      this.#recorded = [];
    }

    override getBufferData(buffer: GPUBuffer): Promise<ArrayBuffer> {
      const encoder = this.openEncoder(), submit = () => this.submitQueue();
      return this.#reader.read(buffer, buffer.size, encoder, submit);
    }

    override readSync(dataId: object): tf.BackendValues {
      const { values, dtype, resource, complexTensorInfos } = this.tensorMap
        .get(dataId);
      if (values || dtype === "string" || complexTensorInfos || !resource) {
        return super.readSync(dataId);
      }
      if (!this.readsAtOnce) {
        throw new Error(
          "Cannot read a tensor synchronously on WebGPU: use `await x.data()` instead of `x.dataSync()`",
        );
      }
      const bytes = this.#reader.readNow(
        resource,
        resource.size,
        this.openEncoder(),
        () => this.submitQueue(),
      );
      return this.convertAndCacheOnCPU(
        dataId,
        tf.util.convertBackendValuesAndArrayBuffer(bytes, dtype),
      );
    }
  };
}

/** The usage of buffers of tensors. */
function storage(): number {
  return GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC |
    GPUBufferUsage.COPY_DST;
}
