import * as tf from "@tensorflow/tfjs-core";
import type { Backend } from "../description.ts";
import { registerCpuKernels } from "./fixes.ts";

/** tfjs' backend in plain JavaScript. */
export const cpu: Backend = {
  async start() {
    await import("@tensorflow/tfjs-backend-cpu");
    await tf.setBackend("cpu");
    // Else tfjs advises to install its Node backend.
    (tf.backend() as unknown as { firstUse: boolean }).firstUse = false;
    registerCpuKernels();
    return {};
  },
  canOverwrite: true,
  readsAtOnce: true,
};
