import { assert, assertEquals } from "@std/assert";
import { BACKENDS, FULL } from "../_backends.ts";
import { linesOf, onEachLauncher } from "./_launch.ts";

interface Line {
  readonly rank: number;
  readonly tensors: number;
  /** Of parameters and slots, of all ranks. */
  readonly hashes: string[];
  readonly loss: number;
  /** Of one process that takes the parts of all ranks in order. */
  readonly hash: string;
  /** The largest difference of parameters to those of that process. */
  readonly toParts: number;
  /** To those of one that takes whole batches. */
  readonly toJoint: number;
}

/** How far parameters are from those of a run on whole batches: rounding, of 100 steps. */
const ROUNDING = 1e-6;

const CASES = [
  { ranks: 2, inOrder: "" },
  ...(FULL ? [{ ranks: 3, inOrder: "" }] : []),
  { ranks: 4, inOrder: "inOrder" },
];

for (const backend of BACKENDS) {
  for (const { ranks, inOrder } of CASES) {
    // Sums of two have one order only.
    const isExact = ranks === 2 || inOrder !== "";
    onEachLauncher(
      `${ranks} ranks train ${
        isExact ? "bit for bit" : "up to rounding"
      } as one process that takes their parts in order, on ${backend}`,
      async (launch) => {
        const output = await launch(ranks, "equal.ts", backend, inOrder);
        const lines = linesOf<Line>(output);
        const { hashes, hash, toParts, toJoint, loss } = lines[0]!;
        for (const line of lines) {
          assertEquals(line.hashes, hashes.map(() => hashes[0]));
          assertEquals(line.tensors, 0);
        }
        if (isExact) assertEquals(hashes[0], hash);
        assert(toParts < ROUNDING, `${toParts}`);
        assert(toJoint < ROUNDING, `${toJoint}`);
        assert(loss < 0.69, `${loss}`); // it has learned
      },
    );
  }
}
