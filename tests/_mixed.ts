/**
 * Tests in mixed precision.
 *
 * @module
 */
import { useBackend } from "../backend/mod.ts";
import { BACKENDS, onEachBackend } from "./_backends.ts";

const adapter = BACKENDS.includes("webgpu") &&
  await navigator.gpu?.requestAdapter();
/** Whether the adapter has f16. */
export const HAS_HALF: boolean = adapter
  ? adapter.features.has("shader-f16")
  : false;
if (adapter && !HAS_HALF) {
  console.log(
    "Tests in mixed precision are skipped: the adapter has no shader-f16",
  );
}

/** Register a test in mixed precision. */
export function inMixedPrecision(
  name: string,
  fn: () => Promise<void>,
): void {
  if (!HAS_HALF) return;
  onEachBackend(name, async () => {
    await useBackend("webgpu", { precision: "mixed" });
    try {
      await fn();
    } finally {
      await useBackend("webgpu");
    }
  }, {
    only: ["webgpu"],
    eager: "it compares steps that are compiled with those that are not",
  });
}
