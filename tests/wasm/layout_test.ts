import { assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { wasmBackend } from "../../backend/wasm/machine/backend.ts";
import {
  assertSameAsCpu,
  type Case,
  guarded,
  kernel,
  random,
  useWasm,
  values,
} from "./_wasm.ts";

const DTYPES = ["float32", "int32", "bool"] as const;

/** 1, 2, 3, ... (or 0 and 1), so that a misplaced element shows. */
function counting(
  shape: readonly number[],
  dtype: "float32" | "int32" | "bool",
): tf.Tensor {
  const n = shape.reduce((x, y) => x * y, 1);
  const data = Array.from(
    { length: n },
    (_, i) => dtype === "bool" ? (i * 7 % 5) & 1 : i + 1,
  );
  return tf.tensor(data, [...shape], dtype);
}

const SHAPES = [
  [],
  [1],
  [5],
  [3, 4],
  [2, 1, 3],
  [4, 5, 6],
  [2, 3, 4, 5],
  [2, 3, 1, 2, 3],
  [
    2,
    2,
    3,
    2,
    1,
    3,
  ],
  [0, 3],
  [33, 65],
];

function each(
  name: string,
  attrs: (shape: number[], next: () => number) => object | undefined,
): Case[] {
  const next = random(name.length);
  return SHAPES.flatMap((shape) =>
    DTYPES.flatMap((dtype): Case[] => {
      const options = attrs(shape, next);
      if (!options) return [];
      return [[
        `${name} ${dtype}[${shape}] ${JSON.stringify(options)}`,
        () => kernel(name, { x: counting(shape, dtype) }, options),
      ]];
    })
  );
}

const below = (n: number, next: () => number) => Math.floor(n * next());

Deno.test("transpose, reverse, tile, pad and slice move every element of every type to its place", async () => {
  const shuffled = (shape: number[], next: () => number) => {
    const perm = shape.map((_, i) => i);
    for (let i = perm.length - 1; i > 0; i--) {
      const j = below(i + 1, next);
      [perm[i], perm[j]] = [perm[j]!, perm[i]!];
    }
    return { perm };
  };
  await assertSameAsCpu([
    ...each("Transpose", shuffled),
    ...each("Transpose", shuffled),
    ...each("Transpose", shuffled),
    ...each("Reverse", (shape, next) => ({
      dims: shape.map((_, i) => i).filter(() => next() < 0.5),
    })),
    ...each(
      "Tile",
      (shape, next) => ({ reps: shape.map(() => 1 + below(3, next)) }),
    ),
    ...each("PadV2", (shape, next) => ({
      paddings: shape.map(() => [below(3, next), below(3, next)]),
      constantValue: 1,
    })),
    ...each("Slice", (shape, next) => {
      const begin = shape.map((n) => below(n, next));
      return {
        begin,
        size: shape.map((n, i) => 1 + below(n - begin[i]!, next)),
      };
    }).filter(([name]) => !name.includes("[0,3]")),
  ]);
});

Deno.test("threads move every element of a large tensor to its place", async () => {
  const transposes: [number[], number[]][] = [
    [[151, 203], [1, 0]],
    [[20_003, 2], [1, 0]],
    [[2, 20_003], [1, 0]],
    [[3, 51, 5, 53], [0, 2, 1, 3]],
    [[3, 51, 5, 53], [3, 1, 0, 2]],
    [[2, 3, 21, 4, 57], [0, 1, 2, 4, 3]],
  ];
  await assertSameAsCpu(
    [
      ...transposes.map(([shape, perm]): Case => [
        `transpose [${shape}] ${perm}`,
        () => kernel("Transpose", { x: counting(shape, "float32") }, { perm }),
      ]),
      ["slice", () =>
        kernel("Slice", { x: counting([301, 303], "float32") }, {
          begin: [1, 2],
          size: [299, 300],
        })],
      [
        "reverse",
        () =>
          kernel("Reverse", { x: counting([301, 303], "float32") }, {
            dims: [0, 1],
          }),
      ],
      ["pad", () =>
        kernel("PadV2", { x: counting([301, 303], "float32") }, {
          paddings: [[1, 2], [3, 4]],
          constantValue: 5,
        })],
      ...[0, 1].map((axis): Case => [`concat ${axis}`, () => {
        const x = counting([301, 303], "float32");
        return tf.concat([x, x, x], axis);
      }]),
    ],
    { threads: 3, tolerance: 0 },
  );
});

Deno.test("split, unstack, concat and stack are the cpu backend's", async () => {
  const cases = SHAPES.filter((shape) => shape.length && shape[0]).flatMap((
    shape,
  ) =>
    DTYPES.flatMap((dtype) =>
      shape.flatMap((n, axis): Case[] => [
        [`split [${shape}] ${axis}`, () => {
          const attrs = { numOrSizeSplits: n > 2 ? [1, n - 2, 1] : [n], axis };
          return tf.engine().runKernel(
            "SplitV",
            { x: counting(shape, dtype) },
            attrs,
          ) as tf.Tensor[];
        }],
        [`unstack [${shape}] ${axis}`, () =>
          tf.engine().runKernel("Unpack", { value: counting(shape, dtype) }, {
            axis,
          }) as tf.Tensor[]],
        [`concat [${shape}] ${axis}`, () => {
          const x = counting(shape, dtype);
          const other = counting(
            shape.map((m, i) => i === axis ? 2 : m),
            dtype,
          );
          return tf.concat([x, other, x], axis);
        }],
        [`stack [${shape}] ${axis}`, () => {
          const x = counting(shape, dtype), y = tf.reverse(x);
          return shape.length < 6 ? tf.stack([x, y], axis) : x;
        }],
      ])
    )
  );
  await assertSameAsCpu(cases);
});

Deno.test("stridedSlice of integers with a negative stride returns integers", async () => {
  await assertSameAsCpu(DTYPES.flatMap((dtype): Case[] => [
    ["backward", () => tf.stridedSlice(counting([6], dtype), [5], [0], [-2])],
    [
      "planes",
      () =>
        tf.stridedSlice(counting([4, 6, 3], dtype), [3, 0, 0], [0, 6, 3], [
          -1,
          2,
          1,
        ]),
    ],
    [
      "ellipsis",
      () =>
        tf.stridedSlice(
          counting([2, 3, 4], dtype),
          [0, 1],
          [0, 3],
          [1, 2],
          0,
          0,
          1,
        ),
    ],
  ]));
});

Deno.test("stridedSlice takes a column of a range of rows", async () => {
  // tfjs' cpu backend forgets the column where there is a stride.
  await useWasm();
  guarded(() => {
    const x = counting([4, 6], "int32");
    const y = tf.stridedSlice(x, [1, 2], [3, 5], [1, 2], 1, 2, 0, 0, 2);
    assertEquals(values(y), [3, 9, 15]);
  });
});

Deno.test("gather takes rows along any axis, also with batch dimensions", async () => {
  const table: [number[], number[], number, number][] = [
    [[5, 3], [4], 0, 0],
    [[5, 3], [2, 2], 1, 0],
    [[2, 5], [2, 3], 1, 1],
    [[2, 5, 4], [2, 3], 1, 1],
    [[2, 3, 5, 2], [2, 3, 4], 2, 2],
    [[2, 3, 5], [2, 4], 2, 1],
    [[3, 2, 5], [], 1, 0],
    [[7], [0], 0, 0],
  ];
  await assertSameAsCpu(
    table.flatMap(([shape, ids, axis, batchDims]) =>
      DTYPES.map((
        dtype,
      ): Case => [
        `[${shape}] [${ids}] ${axis} ${batchDims} ${dtype}`,
        (next) => {
          const n = ids.reduce((x, y) => x * y, 1);
          const data = Int32Array.from(
            { length: n },
            () => below(shape[axis]!, next),
          );
          const indices = tf.tensor(data, ids, "int32");
          return kernel("GatherV2", { x: counting(shape, dtype), indices }, {
            axis,
            batchDims,
          });
        },
      ])
    ),
  );
});

Deno.test("gather with an index out of range throws", async () => {
  await useWasm();
  tf.tidy(() => {
    const x = tf.ones([3, 2]);
    assertThrows(
      () => tf.gather(x, tf.tensor1d([0, 3], "int32")),
      RangeError,
      "[0, 3)",
    );
  });
});

Deno.test("unsortedSegmentSum adds rows, and leaves out ids that are out of range", async () => {
  await useWasm();
  guarded(() => {
    const ids = tf.tensor1d([2, 0, -1, 2, 9], "int32");
    for (const dtype of ["float32", "int32"] as const) {
      const y = tf.unsortedSegmentSum(
        counting([5, 3], dtype) as tf.Tensor2D,
        ids,
        3,
      );
      assertEquals([y.dtype, values(y)], [dtype, [
        4,
        5,
        6,
        0,
        0,
        0,
        11,
        13,
        15,
      ]]);
    }
    const z = kernel("UnsortedSegmentSum", {
      x: counting([2, 2, 1], "float32"),
      segmentIds: tf.tensor2d([[0, 1], [1, 1]], [2, 2], "int32"),
    }, { numSegments: 2 });
    assertEquals([z.shape, values(z)], [[2, 1], [1, 9]]);
  });
});

Deno.test("cast to bool makes everything but 0 true", async () => {
  await useWasm();
  guarded(() => {
    const y = tf.cast(tf.tensor1d([0.5, -0.5, 256, 2.7, -1, 0, NaN]), "bool");
    assertEquals(values(y), [1, 1, 1, 1, 1, 0, 1]);
    assertEquals(values(tf.logicalNot(y)), [0, 0, 0, 0, 0, 1, 0]);
    assertEquals(values(tf.cast(tf.tensor1d([256, 0, -1], "int32"), "bool")), [
      1,
      0,
      1,
    ]);
  });
});

Deno.test("casts between numbers are the cpu backend's", async () => {
  await assertSameAsCpu(
    DTYPES.flatMap((from) =>
      DTYPES.flatMap((to) =>
        [[], [1], [7], [4, 5], [0]].map((shape): Case => [
          `${from} to ${to} [${shape}]`,
          () => tf.cast(counting(shape, from), to),
        ])
      )
    ),
  );
});

Deno.test("a clone shares its data until one of the two is gone", async () => {
  await useWasm();
  const x = tf.tensor1d([1, 2, 3]), y = tf.clone(x), z = tf.cast(x, "float32");
  assertEquals(wasmBackend().refCount(x.dataId), 3);
  x.dispose();
  z.dispose();
  assertEquals(wasmBackend().refCount(y.dataId), 1);
  assertEquals(values(y), [1, 2, 3]);
  y.dispose();
});

Deno.test("reverse of bool stays within its memory", async () => {
  await useWasm();
  guarded(() => {
    const x = tf.tensor1d([true, false, false, true, true]);
    assertEquals(values(tf.reverse(x)), [1, 1, 0, 0, 1]);
  });
});
