import { assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { BACKENDS } from "../_backends.ts";
import { linesOf, onEachLauncher } from "./_launch.ts";

interface Line {
  readonly rank: number;
  readonly size: number;
  readonly values: Record<string, number[]>;
  readonly kept: number[];
  readonly shapes: number[][];
  readonly tensors: number;
  readonly note: number;
  readonly weights: number[];
  readonly lr: number[];
  readonly sum: number[];
  readonly many: number[];
  readonly share: number;
  readonly gathered: unknown;
  readonly first: string;
  readonly stream: number[];
  readonly shard: unknown;
  readonly messages: string[];
}

const same = (what: string) =>
  `Cannot ${what}: all ranks must do the same with the same names and shapes: `;

for (const backend of BACKENDS) {
  for (const inOrder of ["", "inOrder"]) {
    onEachLauncher(
      `three ranks reduce, share, gather and broadcast on ${backend} ${inOrder}`,
      async (launch) => {
        const output = await launch(3, "collectives.ts", backend, inOrder);
        const lines = linesOf<Line>(output);
        assertEquals(lines.map(({ rank }) => rank), [0, 1, 2]);
        for (const line of lines) {
          const { rank } = line;
          assertEquals(line.size, 3);
          assertEquals(line.values, {
            small: [3, 0 + 1 + 2],
            scalar: [1.5],
            empty: [],
            large: [6, 6, 6],
            shared: [3, 3, 3],
          });
          assertEquals(line.kept, [rank, rank, rank]); // a clone is not changed
          assertEquals(line.shapes, [[2], [], [0, 2], [300, 300], [3]]);
          assertEquals(line.tensors, 0);
          assertEquals(line.note, 0);
          assertEquals(line.weights, lines[0]!.weights);
          assertEquals(line.lr, [0.1]);
          assertEquals(line.sum, [3, 3]);
          assertEquals(line.many, [3, 6, 9, 12, 15, 3]);
          assertAlmostEquals(line.share, (rank + 1) / 6, 1e-15);
          assertEquals(line.gathered, [{ rank: 0 }, { rank: 1 }, { rank: 2 }]);
          assertEquals(line.first, "of 0");
          assertEquals(line.shard, { index: rank, count: 3 });
          const range = (a: number) =>
            `Cannot share: each amount must be a nonnegative finite number, and their sum positive: the amount of rank ${rank} is ${a}`;
          assertEquals(line.messages, [
            `${
              same("reduce")
            }rank 0 would reduce a[2], rank 1 would reduce a[3]`,
            `${
              same("reduce")
            }rank 0 would reduce b[2], rank 1 would reduce a[2]`,
            `${
              same(rank ? "sum" : "meet")
            }rank 0 would meet, rank 1 would sum 1`,
            'Cannot reduce: the tensor "a" must be of float32: current value is "int32"',
            `${range(0)}, 0 of 3 are refused, the sum of the others is 0`,
            `${
              range(rank - 1)
            }, 1 of 3 are refused, the sum of the others is 1`,
            `${range(NaN)}, 3 of 3 are refused, the sum of the others is 0`,
            `${
              same(rank ? "sum" : "fail")
            }rank 0 would fail because of: a bad day, rank 1 would sum 1`,
            "no file",
          ]);
        }
        assertNotEquals(lines[0]!.stream, lines[1]!.stream);
      },
    );
  }
}
