import { assert } from "@std/assert";
import { BACKENDS } from "../_backends.ts";
import { linesOf, onEachLauncher } from "./_launch.ts";

interface Line {
  readonly rank: number;
  readonly grads: number;
  readonly statistics: number;
  readonly apart: number;
}

for (const backend of BACKENDS) {
  onEachLauncher(
    `synchronized batch normalization has the gradients and statistics of the whole batch, on ${backend}`,
    async (launch) => {
      const output = await launch(3, "batch_norm.ts", backend);
      for (const { grads, statistics, apart } of linesOf<Line>(output)) {
        assert(grads < 1e-5, `${grads}`);
        assert(statistics < 1e-6, `${statistics}`);
        assert(apart > 1e-2, `${apart}`); // it is not the same without
      }
    },
  );
}
