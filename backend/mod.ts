/**
 * Backends: which machine runs the tensors.
 *
 * ```ts
 * import { useBackend } from "@braintape/braintape/backend";
 *
 * const { backend, threads } = await useBackend("cpu");
 * console.log(backend, threads);
 * ```
 *
 * @module
 */
export {
  type BackendInfo,
  backendInfo,
  type BackendName,
  type BackendOptions,
  useBackend,
} from "./select.ts";
export type { Precision } from "./precision.ts";
