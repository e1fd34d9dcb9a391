/**
 * Times of a graphics device.
 *
 * @module
 */
import {
  type WebGpuBackend,
  webGpuBackend,
} from "../backend/webgpu/backend.ts";
import type { WorkEvent } from "./events.ts";
import type { Boundaries } from "./host_meter.ts";

/** The passes that a set of queries has two timestamps for. */
const PASSES = 2048;
/** Bytes of a timestamp. */
const BYTES = 8;

/** A set of queries. */
interface Queries {
  readonly set: GPUQuerySet;
  /** The work that each pass belongs to. */
  readonly names: string[];
}

/**
 * Measures passes of commands by the device's own timestamps. Each kernel has passes of
 * its own meanwhile.
 */
export class GpuClock implements Boundaries {
  readonly #backend: WebGpuBackend = webGpuBackend();
  readonly #queries: Queries[] = [];
  /** The work that is under way, innermost last. */
  readonly #under: string[] = [];
  readonly #restore: () => void;

  /** Measure from now on. */
  constructor() {
    this.#flush();
    const { device } = this.#backend;
    const create = device.createCommandEncoder.bind(device);
    const own = Object.getOwnPropertyDescriptor(device, "createCommandEncoder");
    device.createCommandEncoder = (descriptor) => {
      const encoder = create(descriptor);
      const begin = encoder.beginComputePass.bind(encoder);
      encoder.beginComputePass = (pass) =>
        begin({ ...pass, timestampWrites: this.#nextQueries() });
      return encoder;
    };
    this.#restore = () => {
      if (own) Object.defineProperty(device, "createCommandEncoder", own);
      else delete (device as Partial<GPUDevice>).createCommandEncoder;
    };
  }

  /** Whether the current backend's device has timestamps. */
  static get isSupported(): boolean {
    return webGpuBackend().device.features.has("timestamp-query");
  }

  /** See {@linkcode Boundaries.begin}. */
  begin(name: string): void {
    this.#backend.endComputePassEncoder();
    this.#under.push(name);
  }

  /** See {@linkcode Boundaries.end}. */
  end(): void {
    this.#backend.endComputePassEncoder();
    this.#under.pop();
  }

  #nextQueries(): GPUComputePassTimestampWrites {
    let last = this.#queries.at(-1);
    if (!last || last.names.length === PASSES) {
      const set = this.#backend.device.createQuerySet({
        type: "timestamp",
        count: 2 * PASSES,
      });
      this.#queries.push(last = { set, names: [] });
    }
    const first = 2 * last.names.length;
    last.names.push(this.#under.at(-1) ?? "other commands");
    return {
      querySet: last.set,
      beginningOfPassWriteIndex: first,
      endOfPassWriteIndex: first + 1,
    };
  }

  /** Stop measuring. */
  stop(): void {
    this.#flush();
    this.#restore();
  }

  #flush(): void {
    this.#backend.endComputePassEncoder();
    if (this.#backend.commandEncoder) this.#backend.submitQueue();
  }

  /** The passes and their times, since the first one began; waits for the device. */
  async read(): Promise<WorkEvent[]> {
    const events: WorkEvent[] = [];
    let first: bigint | undefined;
    for (const { set, names } of this.#queries.splice(0)) {
      const times = await readQueries(
        this.#backend.device,
        set,
        2 * names.length,
      );
      names.forEach((name, i) => {
        const [begin, end] = [times[2 * i]!, times[2 * i + 1]!];
        first ??= begin;
        const start = Number(begin - first) / 1e6;
        // Some devices count back now and then.
        const duration = Math.max(0, Number(end - begin) / 1e6);
        events.push({ name, start, duration });
      });
    }
    return events;
  }
}

/** The timestamps of a set of queries, which is destroyed; nanoseconds. */
async function readQueries(
  device: GPUDevice,
  set: GPUQuerySet,
  count: number,
): Promise<BigUint64Array> {
  const size = BYTES * count;
  const resolved = device.createBuffer({
    size,
    usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
  });
  const readable = device.createBuffer({
    size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  try {
    const encoder = device.createCommandEncoder();
    encoder.resolveQuerySet(set, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, readable, 0, size);
    device.queue.submit([encoder.finish()]);
    await readable.mapAsync(GPUMapMode.READ);
    return new BigUint64Array(readable.getMappedRange().slice(0));
  } finally {
    set.destroy();
    resolved.destroy();
    readable.destroy();
  }
}
