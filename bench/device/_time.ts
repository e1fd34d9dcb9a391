/** Times on the device. */
import * as tf from "@tensorflow/tfjs-core";
import { webGpuBackend } from "../../backend/webgpu/backend.ts";

/** Submit what is pending, and wait until the device has nothing more to do. */
export function wait(): void {
  const backend = webGpuBackend();
  backend.submitQueue();
  tf.tidy(() => {
    const x = tf.zeros([1]);
    backend.uploadToGPU(x.dataId);
    tf.add(x, 1).dataSync();
  });
}

/**
 * Milliseconds of one call: the median of five rounds, each of as many calls as take
 * about `slice` milliseconds, submitted together.
 */
export function timeOf(call: () => void, slice: number): number {
  const round = (count: number) => {
    const start = performance.now();
    for (let i = 0; i < count; i++) call();
    wait();
    return (performance.now() - start) / count;
  };
  round(1); // compiles
  const count = Math.max(1, Math.min(200, Math.floor(slice / round(1))));
  const times = Array.from({ length: 5 }, () => round(count));
  return times.sort((a, b) => a - b)[2]!;
}
