/**
 * Data whose contents are in a buffer of somebody else for now. Whoever asks for its
 * own buffer gets the contents back there first.
 *
 * @module
 */
import type { TensorData } from "./backend.ts";

/** The own buffers of such data. */
const buffers = new WeakMap<TensorData, GPUBuffer | null | undefined>();

/**
 * The contents of `data` are elsewhere from now on.
 *
 * @param giveBack Calls {@linkcode restore}, and copies the contents to the own buffer.
 */
export function lend(data: TensorData, giveBack: () => void): void {
  buffers.set(data, data.resource);
  Object.defineProperty(data, "resource", {
    configurable: true,
    enumerable: true,
    get: () => {
      giveBack();
      return data.resource;
    },
    set: (next) => put(data, next),
  });
}

/** `data` has its own buffer again, whatever that holds. */
export function restore(data: TensorData): void {
  if (buffers.has(data)) put(data, buffers.get(data));
}

function put(data: TensorData, resource: unknown): void {
  buffers.delete(data);
  Object.defineProperty(data, "resource", {
    configurable: true,
    enumerable: true,
    writable: true,
    value: resource,
  });
}
