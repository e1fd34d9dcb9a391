import { assertEquals, assertThrows } from "@std/assert";
import { mpi } from "../../distributed/mod.ts";
import { fit } from "./_fit.ts";
import { onEachLauncher } from "./_launch.ts";

for (const backend of ["cpu", "wasm"]) {
  onEachLauncher(
    `gradients that are reduced in the backward pass have the bits of those reduced after it, on ${backend}`,
    async (launch) => {
      const steps = backend === "cpu" ? 3 : 20;
      const options = { backend, wide: true, steps };
      const [after] = await fit(launch, 2, options);
      const [during] = await fit(launch, 2, { ...options, overlap: true });
      // Each step has two large parameters.
      assertEquals([after!.early, during!.early], [0, 2 * steps]);
      assertEquals(during!.params, after!.params);
      assertEquals(during!.slots, after!.slots);
      assertEquals(during!.values, after!.values);
    },
  );
}

Deno.test("sums in the order of ranks are not started early", () => {
  assertThrows(
    () => mpi({ inOrder: true, overlap: true }),
    RangeError,
    "Cannot start MPI: overlap must be left out with inOrder",
  );
});
