import { webGpuBackend } from "./backend.ts";

/** Data that is being read, and how often. */
const reading = new Map<object, number>();
const followed = new WeakSet<object>();

/** Whether a read of data is under way: what it finds is kept as the values. */
export function isBeingRead(dataId: object): boolean {
  return reading.has(dataId);
}

/** Keep account of reads; one of data that is freed meanwhile gives its values. */
export function followReads(): void {
  const backend = webGpuBackend();
  if (followed.has(backend)) return;
  followed.add(backend);
  const read = backend.read.bind(backend);
  backend.read = async (dataId) => {
    reading.set(dataId, (reading.get(dataId) ?? 0) + 1);
    try {
      return await read(dataId);
    } finally {
      const left = reading.get(dataId)! - 1;
      if (left > 0) reading.set(dataId, left);
      else reading.delete(dataId);
    }
  };
  const keep = backend.convertAndCacheOnCPU.bind(backend);
  backend.convertAndCacheOnCPU = (dataId, values) =>
    backend.tensorMap.has(dataId) ? keep(dataId, values) : values;
}
