import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import {
  assertSameAsCpu,
  type Case,
  guarded,
  kernel,
  random,
  tensor,
  useWasm,
  values,
} from "./_wasm.ts";

const SPECIAL = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  2.5,
  -2.5,
  1e-8,
  -1e-8,
  80,
  -80,
  1e20,
  -1e20,
  Infinity,
  -Infinity,
];

const UNARY = [
  "Abs",
  "Neg",
  "Square",
  "Sqrt",
  "Rsqrt",
  "Reciprocal",
  "Floor",
  "Ceil",
  "Round",

  "Sign",
  "Relu",
  "Relu6",
  "Exp",
  "Expm1",
  "Log",
  "Log1p",
  "Tanh",
  "Sigmoid",
  "Softplus",
  "Elu",
  "Selu",
  "IsNan",
  "IsInf",
  "IsFinite",
];

const UNARY_ATTRS: [string, object][] = [
  ["LeakyRelu", { alpha: 0.1 }],
  ["ClipByValue", { clipValueMin: -1, clipValueMax: 2 }],
  ["Step", { alpha: -0.5 }],
];

Deno.test("functions of one float are the cpu backend's, at special values and all lengths", async () => {
  const all: [string, object][] = [
    ...UNARY.map((name): [string, object] => [name, {}]),
    ...UNARY_ATTRS,
  ];
  await assertSameAsCpu(
    all.flatMap(([name, attrs]): Case[] => [
      [
        `${name} special`,
        () => kernel(name, { x: tf.tensor1d(SPECIAL) }, attrs),
      ],
      ...[0, 1, 2, 3, 4, 5, 7, 33].map((n): Case => [
        `${name} [${n}]`,
        (next) => kernel(name, { x: tensor([n], next, 0.1, 3) }, attrs),
      ]),
      [
        `${name} []`,
        (next) => kernel(name, { x: tensor([], next, 0.1, 3) }, attrs),
      ],
      [
        `${name} [2,3,4,5]`,
        (next) => kernel(name, { x: tensor([2, 3, 4, 5], next) }, attrs),
      ],
    ]),
    { tolerance: 2e-6 },
  );
});

Deno.test("functions of one integer, clipByValue and isNaN among them, are the cpu backend's", async () => {
  const names = [
    "Abs",
    "Neg",
    "Square",
    "Floor",
    "Ceil",
    "Round",
    "Sign",
    "Relu",
    "Relu6",
    "IsNan",
    "IsInf",
    "IsFinite",
  ];
  const x = () => tf.tensor1d([-7, -1, 0, 1, 2, 9], "int32");
  await assertSameAsCpu([
    ...names.map((name): Case => [name, () => kernel(name, { x: x() })]),
    ["clip", () => tf.clipByValue(x(), 0, 2)],
    ["step", () => tf.step(x())],
  ]);
});

const BINARY = [
  "Add",
  "Sub",
  "Multiply",
  "RealDiv",
  "Maximum",
  "Minimum",
  "SquaredDifference",
  "Mod",
  "Pow",
  "FloorDiv",
  "Prelu",
  "Equal",
  "NotEqual",
  "Greater",
  "GreaterEqual",
  "Less",
  "LessEqual",
];

const SHAPES: [number[], number[]][] = [
  [[], []],
  [[5], []],
  [[], [5]],
  [[7], [7]],
  [[7], [1]],
  [[3, 5], [5]],
  [[5], [3, 5]],
  [[3, 5], [3, 1]],
  [[3, 1], [1, 5]],
  [[2, 3, 4], [3, 1]],
  [[2, 1, 4], [1, 3, 1]],
  [[2, 3, 4, 5], [2, 1, 4, 1]],
  [[2, 1, 3, 1, 5], [1, 4, 1, 2, 1]],
  [[1, 1, 1, 2, 1, 3], [2, 1, 2, 1, 2, 1]],
  [[2, 0], [1]],
  [[0, 3], [1, 3]],
  [[64, 33], [33]],
  [[201, 3], [3]],
  [[1], [257, 2]],
  [[7], [300, 7]],
  [[2, 150, 5], [5]],
  [[150, 5], [150, 1]],
  [[1, 9], [140, 9]],
];

function inputsOf(name: string, a: tf.Tensor, b: tf.Tensor) {
  return name === "Prelu" ? { x: a, alpha: b } : { a, b };
}

Deno.test("functions of two floats broadcast like the cpu backend's", async () => {
  await assertSameAsCpu(
    BINARY.flatMap((name) =>
      SHAPES.map(([p, q]): Case => [`${name} [${p}] [${q}]`, (next) => {
        const low = name === "Pow" ? 0.1 : -2;
        const a = tensor(p, next, low, 2), b = tensor(q, next, -2, 2);
        // Some are equal.
        return kernel(
          name,
          inputsOf(name, tf.div(tf.round(tf.mul(a, 8)), 8), b),
        );
      }])
    ),
  );
});

Deno.test("functions of two integers broadcast like the cpu backend's", async () => {
  const names = BINARY.filter((name) =>
    !["Prelu", "RealDiv", "Pow"].includes(name)
  );
  await assertSameAsCpu(
    names.flatMap((name) =>
      SHAPES.slice(0, 12).map((
        [p, q],
      ): Case => [`${name} [${p}] [${q}]`, (next) => {
        const integers = (shape: number[]) =>
          tf.cast(tensor(shape, next, -9, 9), "int32");
        const b = integers(q);
        return kernel(name, {
          a: integers(p),
          b: name === "Mod" || name === "FloorDiv"
            ? tf.add(tf.abs(b), tf.onesLike(b))
            : b,
        });
      }])
    ),
  );
});

/** Bools shaped alike are computed four at a time. */
const ALIKE: [number[], number[]][] = [1, 4, 19, 64, 1000].map((
  n,
) => [[n], [n]]);

Deno.test("logical functions are the cpu backend's", async () => {
  await assertSameAsCpu(
    ["LogicalAnd", "LogicalOr"].flatMap((name) =>
      [...SHAPES, ...ALIKE].map((
        [p, q],
      ): Case => [`${name} [${p}] [${q}]`, (next) => {
        const a = tf.greater(tensor(p, next), 0),
          b = tf.greater(tensor(q, next), 0);
        return [kernel(name, { a, b }), tf.logicalNot(a)];
      }])
    ),
  );
});

Deno.test("where chooses elements, and rows by a vector", async () => {
  const table: [number[], number[]][] = [
    [[], []],
    [[7], [7]],
    [[3, 5], [3, 5]],
    [
      [0],
      [0],
    ],
  ];
  await assertSameAsCpu(
    table.flatMap(([c, shape]) =>
      (["float32", "int32", "bool"] as const).map((dtype): Case => [
        `[${c}] [${shape}] ${dtype}`,
        (next) => {
          const make = () => tf.cast(tensor(shape, next, -3, 3), dtype);
          return kernel("Select", {
            condition: tf.greater(tensor(c, next), 0),
            t: make(),
            e: make(),
          });
        },
      ])
    ),
  );
});

Deno.test("where with a vector of conditions chooses rows", async () => {
  await useWasm();
  guarded(() => {
    const condition = tf.tensor1d([true, false]);
    const t = tf.ones([2, 3]), e = tf.zeros([2, 3]);
    const y = kernel("Select", { condition, t, e });
    assertEquals(values(y), [1, 1, 1, 0, 0, 0]);
  });
});

Deno.test("NaN in is NaN out", async () => {
  await useWasm();
  guarded(() => {
    const x = tf.tensor1d([NaN]);
    const tests = ["IsNan", "IsInf", "IsFinite"];
    for (const name of UNARY.filter((name) => !tests.includes(name))) {
      assertEquals(values(kernel(name, { x })), [NaN], name);
    }
  });
});

Deno.test("clipByValue, relu6, maximum and minimum do not hide NaN", async () => {
  await useWasm();
  guarded(() => {
    const x = tf.tensor1d([NaN, -9, 9]), one = tf.tensor1d([1]);
    assertEquals(values(tf.clipByValue(x, -1, 1)), [NaN, -1, 1]);
    assertEquals(values(tf.relu6(x)), [NaN, 0, 6]);
    assertEquals(values(tf.relu(x)), [NaN, 0, 9]);
    for (const fn of [tf.maximum, tf.minimum]) {
      assertEquals(values(fn(one, NaN)), [NaN]);
      assertEquals(values(fn(tf.tensor1d([NaN]), 1)), [NaN]);
    }
  });
});

Deno.test("sign of a tiny number is not 0", async () => {
  await useWasm();
  guarded(() => {
    const x = tf.tensor1d([1e-8, -1e-8, 1e-40, 0, NaN]);
    assertEquals(values(tf.sign(x)), [1, -1, 1, 0, NaN]);
  });
});

Deno.test("prelu takes an alpha of any shape that broadcasts", async () => {
  await useWasm();
  guarded(() => {
    const x = tf.fill([2, 3], -1), alpha = tf.tensor2d([[0.5], [0.25]]);
    assertEquals(values(tf.prelu(x, alpha)), [
      -0.5,
      -0.5,
      -0.5,
      -0.25,
      -0.25,
      -0.25,
    ]);
    assertEquals(tf.prelu(tf.fill([3], -1), alpha).shape, [2, 3]);
    assertEquals(tf.prelu(tf.zeros([0, 3]), tf.zeros([1, 3])).shape, [0, 3]);
  });
});

Deno.test("the remainder of a division by 0 is 0 for integers, not a trap", async () => {
  await useWasm();
  guarded(() => {
    assertEquals(values(tf.mod(tf.scalar(5, "int32"), tf.scalar(0, "int32"))), [
      0,
    ]);
  });
});

Deno.test("floorDiv returns int32", async () => {
  await useWasm();
  guarded(() => {
    const y = tf.floorDiv(tf.tensor1d([7, -7]), tf.tensor1d([2, 2]));
    assertEquals([y.dtype, values(y)], ["int32", [3, -4]]);
  });
});

Deno.test("functions of bool throw rather than writing past the tensor", async () => {
  await useWasm();
  guarded(() => {
    const x = tf.tensor1d([true, false, true]);
    for (const name of ["Reciprocal", "Exp", "ClipByValue"]) {
      assertThrows(
        () => kernel(name, { x }, { clipValueMin: 0, clipValueMax: 1 }),
        TypeError,
        "must be",
      );
    }
    assertThrows(() => kernel("Pow", { a: x, b: x }), TypeError, "must be");
  });
});

Deno.test("arithmetic of bool is that of 0 and 1, and stays bool", async () => {
  await useWasm();
  guarded(() => {
    const a = tf.tensor1d([true, false, true]),
      b = tf.tensor1d([true, true, false]);
    const table: [string, number[]][] = [
      ["Add", [1, 1, 1]],
      ["Sub", [0, 1, 1]],
      ["Multiply", [1, 0, 0]],
      ["Maximum", [1, 1, 1]],
      ["Minimum", [1, 0, 0]],
      ["SquaredDifference", [0, 1, 1]],
    ];
    for (const [name, want] of table) {
      const y = kernel(name, { a, b });
      assertEquals([y.dtype, values(y)], ["bool", want], name);
    }
  });
});

Deno.test("pow has Math.pow's special values", async () => {
  await useWasm();
  const bases = [0, -0, 1, -1, 2, -2, Infinity, -Infinity, NaN],
    exponents = [0, 0.5, 1, 2, 3, -1, -2, Infinity, NaN];
  guarded(() => {
    for (const e of exponents) {
      const want = bases.map((b) => Math.fround(Math.pow(b, e)));
      assertEquals(values(tf.pow(tf.tensor1d(bases), tf.scalar(e))), want);
    }
  });
});

Deno.test({
  name: "elementwise kernels give the same bits with two threads",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const results: number[][][] = [];
    for (const threads of [1, 2]) {
      await useWasm(threads);
      tf.tidy(() => {
        const next = random(4),
          x = tensor([501, 403], next),
          row = tensor([403], next);
        results.push(
          [tf.tanh(x), tf.mul(x, row), tf.greater(x, row), tf.exp(x)].map(
            values,
          ),
        );
      });
    }
    assertEquals(results[1], results[0]);
    await useWasm(1);
  },
});

Deno.test("eluGrad is the derivative of elu times the gradient", async () => {
  await useWasm();
  guarded(() => {
    const x = tf.tensor1d([-1, 2, 0]),
      y = tf.elu(x),
      dy = tf.tensor1d([3, 3, 3]);
    const [a, b, c] = values(kernel("EluGrad", { dy, y }));
    assertAlmostEquals(a!, 3 * Math.exp(-1), 1e-6);
    assertEquals([b, c], [3, 3]);
  });
});
