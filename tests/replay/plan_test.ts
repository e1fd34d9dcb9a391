/** What plans of replays fuse and leave out: every bit is that of the operations as they are. */
import { assert, assertEquals } from "@std/assert";
import {
  autodiff,
  compile,
  nn,
  optim,
  ParamState,
  profile,
  State,
  tf,
} from "../../mod.ts";
import { type EachOptions, FULL, onEachBackend } from "../_backends.ts";
import { randomOf } from "../gradients/_case.ts";

/** The bytes of a tensor; on WebGPU all NaN are one, since WGSL leaves their bits open. */
async function bytes(x: tf.Tensor): Promise<Uint8Array> {
  const values = (await x.data()).slice();
  if (x.dtype === "float32" && tf.getBackend() === "webgpu") {
    const words = new Uint32Array(values.buffer);
    values.forEach((value, i) => {
      if (Number.isNaN(value)) words[i] = 0x7fc00000;
    });
  }
  return new Uint8Array(values.buffer);
}

/** Assert that tensors have the same bytes; far quicker than `assertEquals`. */
function assertSame(
  got: readonly Uint8Array[],
  right: readonly Uint8Array[],
  name = "",
): void {
  const isSame = (a: Uint8Array, b: Uint8Array | undefined) =>
    a.length === b?.length && a.every((byte, i) => byte === b[i]);
  right.forEach((b, i) =>
    assert(isSame(b, got[i]), `${name}: tensor ${i} differs`)
  );
}

/** A tensor of these sizes, of numbers that differ. */
function tensorOf(...shape: number[]): tf.Tensor {
  const random = randomOf(`${shape}`), size = tf.util.sizeFromShape(shape);
  return tf.tensor(
    Float32Array.from({ length: size }, () => 4 * random() - 2),
    shape,
  );
}

/** How many operations each replay of `fn` performs; its results are those of `fn`. */
async function operationsOf(
  fn: (...xs: tf.Tensor[]) => tf.Tensor[],
  ...xs: tf.Tensor[]
): Promise<number> {
  const compiled = compile(fn, { onFallback: "throw" });
  for (let call = 0; call < 4; call++) {
    const [right, got] = [tf.tidy(() => fn(...xs)), compiled(...xs)];
    const [a, b] = [got.map(bytes), right.map(bytes)];
    assertSame(await Promise.all(a), await Promise.all(b));
    tf.dispose([right, got]);
  }
  const { programs: [program], replayed } = compiled.report();
  assertEquals(replayed, 2);
  compiled.dispose();
  tf.dispose(xs);
  return program!.operations;
}

function onWasm(name: string, fn: () => void | Promise<void>): void {
  onEachBackend(name, fn, { only: ["wasm"] });
}

/** On the backends that can replay; on WebGPU the device computes small tensors too. */
function onEngines(
  name: string,
  fn: () => void | Promise<void>,
  options: EachOptions = {},
): void {
  const test = async (backend: string) => {
    if (backend === "wasm") return fn();
    tf.env().set("WEBGPU_CPU_FORWARD", false);
    try {
      await fn();
    } finally {
      tf.env().set("WEBGPU_CPU_FORWARD", true);
    }
  };
  onEachBackend(name, test, { only: ["wasm", "webgpu"], ...options });
}

onEngines("a chain of elementwise operations is one", async () => {
  const spiking = (v: tf.Tensor, x: tf.Tensor) => {
    const next = tf.sub(tf.add(tf.mul(v, 0.9), tf.mul(x, 0.4)), 0.1);
    const spikes = tf.cast(tf.greater(next, 1), "float32");
    return [tf.where(tf.less(next, 0), tf.tanh(next), spikes)];
  };
  const shapes = [[5, 7], [1], [32, 16]];
  for (const shape of shapes) {
    const xs = [tensorOf(...shape), tensorOf(...shape)];
    assertEquals(await operationsOf(spiking, ...xs), 1, `[${shape}]`);
  }
});

onEngines("tests, and what follows from several of them, are one", async () => {
  const fn = (x: tf.Tensor, y: tf.Tensor) => {
    const both = tf.logicalAnd(tf.greater(x, 0), tf.less(y, 1));
    const either = tf.logicalXor(both, tf.logicalNot(tf.isFinite(x)));
    return [either, tf.where(tf.logicalOr(either, both), x, y)];
  };
  for (const shape of [[5, 7], [1], [64, 3]]) {
    const xs = [tensorOf(...shape), tf.ones(shape)];
    assertEquals(await operationsOf(fn, ...xs), 1, `[${shape}]`);
  }
});

onEngines("results in the middle of a chain are written too", async () => {
  const fn = (x: tf.Tensor) => {
    const y = tf.mul(x, 3), isLarge = tf.greater(y, 1);
    return [isLarge, tf.sub(tf.square(y), tf.cast(isLarge, "float32"))];
  };
  assertEquals(await operationsOf(fn, tensorOf(9, 3)), 1);
});

onEngines("operands that are broadcast are fused as they are", async () => {
  const fn = (x: tf.Tensor, row: tf.Tensor, column: tf.Tensor) => {
    const y = tf.mul(tf.add(x, row), column);
    return [tf.sub(row, tf.div(y, x)), tf.greater(column, tf.square(y))];
  };
  for (const [rows, columns] of [[6, 9], [3, 64], [40, 33]] as const) {
    const xs = [
      tensorOf(rows, columns),
      tensorOf(columns),
      tensorOf(rows, 1),
    ];
    assertEquals(await operationsOf(fn, ...xs), 1, `[${rows}, ${columns}]`);
  }
});

onEngines("a product is rounded before it is added", async () => {
  // (1 + 2^-12)^2 is 1 + 2^-11 + 2^-24, which is rounded to 1 + 2^-11.
  const x = tf.fill([9, 4], 1 + 2 ** -12), y = tf.fill([9, 4], 1 + 2 ** -11);
  const fn = compile(
    (x: tf.Tensor, y: tf.Tensor) => tf.sub(tf.mul(x, x), y),
    { onFallback: "throw" },
  );
  for (let call = 0; call < 3; call++) {
    const z = fn(x, y);
    assertEquals([...await z.data()], Array(36).fill(0));
    z.dispose();
  }
  assertEquals(fn.report().programs[0]!.operations, 1);
  fn.dispose();
  tf.dispose([x, y]);
});

onEngines("operands that are repeated along some axes are fused", async () => {
  const shapes = [[5, 6], [4, 1, 1], [1, 5, 1], [6], [], [1, 5, 6], [1, 1, 1]];
  const x = tensorOf(4, 5, 6);
  for (const shape of shapes) {
    const fn = (x: tf.Tensor, y: tf.Tensor) => [
      tf.sub(tf.mul(x, y), tf.div(y, x)),
    ];
    const xs = [tf.clone(x), tensorOf(...shape)];
    assertEquals(await operationsOf(fn, ...xs), 1, `[${shape}]`);
  }
  // Not those along axes that lie apart; but what follows is.
  const fn = (x: tf.Tensor, y: tf.Tensor) => [
    tf.neg(tf.abs(tf.mul(tf.reshape(x, [2, 2, 5, 6]), y))),
  ];
  assertEquals(await operationsOf(fn, x, tensorOf(2, 1, 5, 1)), 2);
}, { only: ["webgpu"] });

onEngines("tensors of other sizes, and sums, are not fused", async () => {
  const fn = (x: tf.Tensor, y: tf.Tensor) => {
    const sum = tf.sum(tf.square(tf.mul(x, 2))); // two
    const means = tf.mean(tf.neg(tf.add(x, y)), 0); // two
    return [tf.abs(tf.sub(means, sum))]; // one
  };
  const xs = [tensorOf(8, 5), tensorOf(8, 5)];
  assertEquals(await operationsOf(fn, ...xs), 5);
});

onEngines("products are not fused with what they read", async () => {
  const fn = (x: tf.Tensor, y: tf.Tensor) => [
    tf.matMul(tf.neg(tf.add(x, y)), x, false, true), // two
  ];
  const xs = [tensorOf(8, 5), tensorOf(8, 5)];
  assertEquals(await operationsOf(fn, ...xs), 2);
});

/** Products and what follows them, and how many commands that is on WebGPU. */
const PRODUCTS: Readonly<
  Record<string, readonly [fn: Binary, a: number[], b: number[], count: number]>
> = {
  "a product": [(x, y) => tf.relu(tf.matMul(x, y)), [9, 8], [8, 12], 1],
  "one whose columns are no multiple of 4": [
    (x, y) => tf.mul(tf.abs(tf.matMul(x, y)), tf.matMul(x, y)),
    [7, 6],
    [6, 5],
    2,
  ],
  "transposed factors": [
    (x, y) => tf.sub(1, tf.matMul(x, y, true, true)),
    [5, 36],
    [40, 5],
    1,
  ],
  "a product in parts": [
    (x, y) => tf.tanh(tf.add(tf.matMul(x, y), 0.5)), // tanh is long
    [4, 3000],
    [3000, 8],
    3,
  ],
  "a product in parts, and short functions": [
    (x, y) => tf.square(tf.sub(tf.matMul(x, y), 0.5)),
    [4, 3000],
    [3000, 8],
    2,
  ],
  "a bias and an activation": [
    (x, y) =>
      tf.square(tf.fused.matMul({
        a: x as tf.Tensor2D,
        b: y as tf.Tensor2D,
        bias: tf.sum(y, 0),
        activation: "elu",
      })),
    [9, 8],
    [8, 12],
    2,
  ],
  "several products": [
    (x, y) => tf.sub(tf.matMul(x, y), tf.matMul(tf.neg(x), y)),
    [9, 8],
    [8, 12],
    3,
  ],
  "batches, with broadcasting": [
    (x, y) => {
      const z = tf.matMul(x, y);
      return tf.mul(
        tf.add(z, tf.slice(y, 0, [1, 12])),
        tf.slice(x, 0, [3, 1, 1]),
      );
    },
    [3, 5, 8],
    [8, 12],
    3,
  ],
  "an operand of the product itself": [
    (x, y) => tf.add(tf.matMul(x, y), x),
    [8, 8],
    [8, 8],
    1,
  ],
  "more than four operations": [
    (x, y) => {
      let z = tf.matMul(x, y);
      for (let i = 0; i < 7; i++) z = tf.sub(tf.mul(z, 0.5), i);
      return z;
    },
    [9, 8],
    [8, 12],
    2,
  ],
  "integers as floats": [
    (x, y) =>
      tf.mul(
        tf.cast(tf.matMul(tf.cast(x, "int32"), tf.cast(y, "int32")), "float32"),
        0.1,
      ),
    [9, 8],
    [8, 12],
    3,
  ],
  "a convolution": [
    (x, y) => tf.relu(tf.conv2d(x as tf.Tensor4D, y as tf.Tensor4D, 1, "same")),
    [2, 7, 9, 3],
    [3, 3, 3, 8],
    1,
  ],
};

for (const [name, [fn, a, b, count]] of Object.entries(PRODUCTS)) {
  onEngines(`what follows is computed with products: ${name}`, async () => {
    const chain = (x: tf.Tensor, y: tf.Tensor) => [fn(x, y)];
    assertEquals(
      await operationsOf(chain, tensorOf(...a), tensorOf(...b)),
      count,
    );
  }, { only: ["webgpu"] });
}

onEngines("a product that is read again is written too", async () => {
  const fn = (x: tf.Tensor, y: tf.Tensor) => {
    const z = tf.matMul(x, y), positive = tf.relu(z);
    return [z, positive, tf.sum(tf.mul(z, positive))];
  };
  const xs = [tensorOf(9, 8), tensorOf(8, 12)];
  assertEquals(await operationsOf(fn, ...xs), 2);
}, { only: ["webgpu"] });

onEngines(
  "a long chain is cut, and has as many operands as it likes",
  async () => {
    const fn = (...xs: tf.Tensor[]) => [xs.reduce((sum, x) => tf.add(sum, x))];
    const xs = Array.from({ length: 41 }, (_, i) => tensorOf(3, i % 2 ? 1 : 9));
    assertEquals(await operationsOf(fn, ...xs), 2);
  },
);

onEngines("what nothing reads is not computed", async () => {
  const fn = (x: tf.Tensor) => {
    const y = tf.mul(x, 2);
    tf.matMul(tf.exp(tf.neg(y)), y, true);
    return [tf.add(y, 1)];
  };
  const compiled = compile(fn, { onFallback: "throw" });
  const x = tensorOf(20, 8);
  for (let call = 0; call < 3; call++) tf.dispose(compiled(x));
  const { rows } = await profile(() => compiled(x), { steps: 1, warmup: 0 });
  assertEquals(rows.map(({ kernel }) => kernel).toSorted(), [
    "fused (Multiply, Add)",
    "replay",
  ]);
  compiled.dispose();
  x.dispose();
});

onWasm(
  "what is stacked lies in the stack, and what is taken apart stays there",
  async () => {
    const fn = (x: tf.Tensor) => {
      const [a, b, c] = tf.unstack(tf.tanh(x)); // taken apart: nothing to copy
      const stack = tf.stack([tf.neg(a!), tf.square(b!), tf.sub(c!, 1)]);
      return [tf.sum(stack, 1)];
    };
    // Four on elements, and the sum.
    assertEquals(await operationsOf(fn, tensorOf(3, 8, 12)), 5);
  },
);

onEachBackend(
  "a stack of large tensors, which threads would share out, needs no copies either",
  async () => {
    const fn = (x: tf.Tensor) => {
      const [a, b] = tf.unstack(tf.neg(x));
      return [tf.sum(tf.stack([tf.square(b!), tf.abs(a!)]), 1)];
    };
    // Three on elements, and the sum.
    assertEquals(await operationsOf(fn, tensorOf(2, 64, 1024)), 4);
  },
  { only: ["wasm"], threads: 2 },
);

onWasm(
  "what is stacked twice, padded, returned or not aligned is copied",
  async () => {
    const fn = (x: tf.Tensor) => {
      const y = tf.neg(x), z = tf.square(x), abs = tf.abs(x);
      const padding = x.shape.map((_, i) => [i ? 0 : 4, 0] as [number, number]);
      const padded = tf.pad(abs, padding);
      return [
        y,
        tf.concat([y, z, z]),
        tf.concat([z, y, x]),
        tf.add(tf.sum(padded), tf.sum(abs)),
      ];
    };
    for (const shape of [[8, 4], [5, 3], [1]]) {
      await operationsOf(fn, tensorOf(...shape));
    }
  },
);

onWasm("what lies together in the same order is not joined again", async () => {
  const fn = (x: tf.Tensor) => {
    const parts = [tf.neg(x), tf.square(x), tf.abs(x)];
    const [a, b, c] = parts as [tf.Tensor, tf.Tensor, tf.Tensor];
    const same = [tf.stack(parts), tf.concat(parts), tf.concat([b, c])];
    const others = [tf.concat([c, b, a]), tf.concat([a, c])];
    return [...same, ...others].map((y) => tf.sum(y, -1));
  };
  // One on elements, copies of three and of two tensors, and five sums.
  assertEquals(await operationsOf(fn, tensorOf(8, 12)), 8);
});

for (const threads of [1, 2]) {
  onEachBackend(
    `a factor that products of few rows share is packed once (threads: ${threads})`,
    async () => {
      for (const rows of [3, 32, 63]) {
        for (const [K, N] of [[9, 8], [5, 13], [130, 520], [300, 70]]) {
          for (const isTransposed of [false, true]) {
            const fn = (w: tf.Tensor, ...xs: tf.Tensor[]) => {
              const b = tf.neg(w);
              return xs.map((x) => tf.matMul(x, b, false, isTransposed));
            };
            const w = isTransposed ? tensorOf(N!, K!) : tensorOf(K!, N!);
            for (const [products, operations] of [[3, 4], [4, 6]]) {
              const xs = Array.from(
                { length: products! },
                (_, i) => tf.tidy(() => tf.add(tensorOf(rows, K!), i)),
              );
              const own = tf.clone(w);
              assertEquals(await operationsOf(fn, own, ...xs), operations);
            }
            w.dispose();
          }
        }
      }
    },
    { only: ["wasm"], threads },
  );
}

for (const threads of [1, 2]) {
  onEachBackend(
    `a factor that threads share is packed once (threads: ${threads})`,
    async () => {
      for (const [K, N] of [[130, 104], [300, 71]]) {
        for (const [first, second] of [[false, false], [false, true], [true]]) {
          const fn = (a: tf.Tensor, b: tf.Tensor) => [
            tf.matMul(tf.neg(a), b, first, second),
          ];
          const a = first ? tensorOf(K!, 420) : tensorOf(420, K!);
          const b = second ? tensorOf(N!, K!) : tensorOf(K!, N!);
          assertEquals(await operationsOf(fn, a, b), threads > 1 ? 3 : 2);
        }
      }
    },
    { only: ["wasm"], threads },
  );
}

onWasm(
  "a factor that an optimizer changes between products is packed again",
  async () => {
    const run = async (isCompiled: boolean) => {
      const value = tensorOf(12, 12), w = new ParamState(value);
      const optimizer = new optim.SGD({ lr: 0.01 })
        .registerTrainableWeights({ w });
      const grad = autodiff.grad((x: tf.Tensor2D) => {
        let h = x;
        for (let t = 0; t < 6; t++) h = tf.tanh(tf.matMul(h, w.value));
        return tf.sum(h) as tf.Scalar;
      }, { states: { w } });
      const step = (x: tf.Tensor2D) => {
        for (let k = 0; k < 2; k++) optimizer.step(grad(x));
      };
      const compiled = compile(step, { onFallback: "throw" });
      const x = tensorOf(4, 12) as tf.Tensor2D;
      for (let call = 0; call < 5; call++) (isCompiled ? compiled : step)(x);
      const result = await bytes(w.value);
      for (const owner of [compiled, optimizer, w, value, x]) owner.dispose();
      return result;
    };
    assertEquals(await run(true), await run(false));
  },
);

onWasm("stacked time steps need no memory besides their stack", () => {
  const fn = (x: tf.Tensor) => {
    let y = x;
    return tf.sum(
      tf.stack(Array.from({ length: 20 }, () => y = tf.softmax(y))),
    );
  };
  const compiled = compile(fn, { onFallback: "throw" }), x = tensorOf(32, 64);
  for (let call = 0; call < 3; call++) compiled(x).dispose();
  const { programs: [program] } = compiled.report();
  compiled.dispose();
  x.dispose();
  const size = 4 * 32 * 64;
  assert(program!.bytes < size + 20 * size + 2048, `${program!.bytes}`);
});

onWasm(
  "squares and cubes by pow are products, and so are their gradients",
  () => {
    const fn = (x: tf.Tensor) =>
      tf.grad((x: tf.Tensor) =>
        tf.add(tf.sum(tf.pow(x, 2)), tf.sum(tf.pow(x, 3)))
      )(
        x,
      );
    const compiled = compile(fn, { onFallback: "throw" });
    for (const size of [3, 4, 5]) {
      for (let call = 0; call < 4; call++) {
        const x = tensorOf(size, 7), [got, right] = [compiled(x), fn(x)];
        assertEquals(got.dataSync(), right.dataSync());
        tf.dispose([x, got, right]);
      }
    }
    const { programs } = compiled.report();
    assertEquals(programs.map(({ inJavaScript }) => inJavaScript), [
      [],
      [],
      [],
    ]);
    compiled.dispose();
  },
);

onWasm("an exponent that is an argument is looked at in each replay", () => {
  const fn = (x: tf.Tensor, y: tf.Tensor) => tf.pow(x, y);
  const compiled = compile(fn, { onFallback: "throw" }), x = tensorOf(9);
  for (const exponent of [2, 2, 3, 2, 1, 4, 3, 1]) {
    const y = tf.scalar(exponent), [got, right] = [compiled(x, y), fn(x, y)];
    assertEquals(got.dataSync(), right.dataSync(), `${exponent}`);
    tf.dispose([y, got, right]);
  }
  assertEquals(compiled.report().replayed, 6);
  compiled.dispose();
  x.dispose();
});

onEngines("a parameter is read before an optimizer overwrites it", async () => {
  const sequence = async (isCompiled: boolean) => {
    const start = tensorOf(4, 6), weight = new ParamState(start);
    const optimizer = new optim.Adam({ lr: 0.1 })
      .registerTrainableWeights({ weight });
    const fn = (x: tf.Tensor) => {
      const before = tf.mul(weight.value, x);
      optimizer.update({ weight: tf.sign(x) });
      return [tf.sub(tf.neg(before), weight.value)];
    };
    const compiled = compile(fn, { onFallback: "throw" });
    const seen: Uint8Array[] = [];
    for (let call = 0; call < 6; call++) {
      const x = tensorOf(4, 6);
      const ys = isCompiled ? compiled(x) : tf.tidy(() => fn(x));
      seen.push(...await Promise.all([...ys, weight.value].map(bytes)));
      tf.dispose([x, ys]);
    }
    assert(!isCompiled || compiled.report().replayed > 1);
    compiled.dispose();
    optimizer.dispose();
    tf.dispose([start, weight.value]);
    return seen;
  };
  assertSame(await sequence(true), await sequence(false));
});

/** Numbers at which elementwise functions go wrong. */
const SPECIAL = [0, -0, NaN, Infinity, -Infinity, 1, -1, 0.5, -2.5, 2, 3, 1e-42]
  .concat([-1e-42, 1.5e-38, 3e38, -3e38, 1e-4, 20, -20, 88.5, -0.7, 7.25]);

/** All functions of one element, beside those of random programs. */
const ONE: readonly Unary[] = [
  ...[tf.acos, tf.acosh, tf.asin, tf.asinh, tf.atan, tf.atanh, tf.ceil, tf.cos],
  ...[tf.cosh, tf.expm1, tf.isFinite, tf.isInf, tf.isNaN, tf.log, tf.log1p],
  ...[tf.rsqrt, tf.selu, tf.sin, tf.sinh, tf.sqrt, tf.tan],
  (x) => nn.gelu(x),
  (x) => nn.gelu(x, { approximate: true }),
  (x) => tf.logicalNot(tf.greater(x, 1)),
  (x) => tf.cast(tf.clipByValue(x, -100, 100), "int32"),
  (x) => tf.cast(x, "bool"),
];

/** All functions of two elements, beside those of random programs. */
const TWO: readonly Binary[] = [
  ...[tf.atan2, tf.floorDiv, tf.mod, tf.pow, tf.prelu],
  (x, y) => tf.logicalAnd(tf.greater(x, 0), tf.less(y, 1)),
  (x, y) => tf.logicalOr(tf.greater(x, 0), tf.less(y, 1)),
  (x, y) => tf.where(tf.greater(x, y), x, y),
];

onEngines(
  "every elementwise kernel has the same bits when it is fused",
  async () => {
    const n = SPECIAL.length,
      grid = SPECIAL.flatMap((x) => SPECIAL.map(() => x));
    // A last axis of a multiple of 4 is computed in vectors of 4.
    for (const shape of [[n, n], [n * n / 4, 4]]) {
      const x = tf.tensor(grid, shape);
      const y = tf.reshape(tf.transpose(tf.reshape(x, [n, n])), shape);
      const after = (x: tf.Tensor) => [x, tf.abs(tf.cast(x, "float32"))];
      for (const fn of [...UNARY, ...ONE]) {
        const chain = (x: tf.Tensor) => after(fn(x));
        assertEquals(await operationsOf(chain, tf.clone(x)), 1, `${fn}`);
      }
      for (const fn of [...BINARY, ...TESTS, ...TWO]) {
        const chain = (x: tf.Tensor, y: tf.Tensor) => after(fn(x, y));
        const xs = [tf.clone(x), tf.clone(y)];
        assertEquals(await operationsOf(chain, ...xs), 1, `${fn}`);
      }
      tf.dispose([x, y]);
    }
  },
  { only: ["webgpu"] },
);

type Random = () => number;
type Unary = (x: tf.Tensor) => tf.Tensor;
type Binary = (x: tf.Tensor, y: tf.Tensor) => tf.Tensor;

const UNARY: readonly Unary[] = [
  tf.neg,
  tf.abs,
  tf.square,
  tf.relu,
  tf.relu6,
  tf.sign,
  tf.floor,
  tf.round,
  tf.exp,
  tf.tanh,
  tf.sigmoid,
  tf.softplus,
  tf.elu,
  tf.erf,
  tf.reciprocal,
  (x) => tf.sqrt(tf.abs(x)),
  (x) => tf.log1p(tf.abs(x)),
  (x) => tf.leakyRelu(x, 0.3),
  (x) => tf.clipByValue(x, -0.5, 2),
  (x) => tf.step(x, 0.25),
  (x) => tf.cast(tf.isFinite(x), "float32"),
  (x) => tf.mul(x, 0.9),
  (x) => tf.sub(1, x),
];

const BINARY: readonly Binary[] = [
  tf.add,
  tf.sub,
  tf.mul,
  tf.div,
  tf.maximum,
  tf.minimum,
  tf.squaredDifference,
];

const TESTS: readonly Binary[] = [
  tf.greater,
  tf.greaterEqual,
  tf.less,
  tf.lessEqual,
  tf.equal,
  tf.notEqual,
];

const pick = <T>(random: Random, list: readonly T[]): T =>
  list[Math.floor(random() * list.length)]!;

/** What an operation of a random program does, given all that was computed before. */
type Instruction = (values: tf.Tensor[], tests: tf.Tensor[]) => void;

/** A random instruction, which draws nothing when it is run. */
function instructionOf(random: Random): Instruction {
  // Mostly what is recent: chains are fused.
  const back = () => Math.floor(random() ** 2 * 12);
  const [i, j, k, kind] = [back(), back(), back(), random()];
  const value = (values: readonly tf.Tensor[], back: number) =>
    values[Math.max(0, values.length - 1 - back)]!;
  const [unary, binary, test] = [
    pick(random, UNARY),
    pick(random, BINARY),
    pick(random, TESTS),
  ];
  if (kind < 0.3) {
    return (values) => values.push(unary(value(values, i)));
  }
  if (kind < 0.65) {
    return (values) => values.push(binary(value(values, i), value(values, j)));
  }
  if (kind < 0.75) {
    return (values, tests) =>
      tests.push(test(value(values, i), value(values, j)));
  }
  if (kind < 0.85) {
    return (values, tests) => {
      const condition = tests.at(-1 - k % 3) ?? tests[0];
      if (!condition) return;
      const [x, y] = [value(values, i), value(values, j)];
      const shape = tf.broadcast_util.assertAndGetBroadcastShape(
        condition.shape,
        tf.broadcast_util.assertAndGetBroadcastShape(x.shape, y.shape),
      );
      values.push(
        k % 2
          ? tf.where(tf.broadcastTo(condition, shape), x, y)
          : tf.mul(tf.cast(condition, "float32"), x),
      );
    };
  }
  if (kind < 0.87) {
    return (values) => {
      const x = value(values, i);
      // Another of the same shape, if there is one among the latest.
      const y = values.slice(-6).find((y) => `${y.shape}` === `${x.shape}`) ??
        x;
      if (k % 3 === 0 || !x.rank) {
        values.push(tf.sum(tf.stack(k % 2 ? [x, y] : [y, x, y]), 0));
      } else if (k % 3 === 1) {
        values.push(...tf.unstack(tf.neg(tf.stack([x, y]))));
      } else if (k % 2) {
        const around = x.shape.map(() => [4, 8] as [number, number]);
        const padded = tf.pad(tf.neg(x), around, 0.5);
        values.push(
          tf.slice(padded, x.shape.map(() => 2), x.shape),
          tf.slice(padded, x.shape.map(() => 4), x.shape),
        );
      } else {
        const [p, q] = tf.split(tf.concat([x, tf.tanh(y)], 0), 2);
        values.push(p!, tf.add(q!, p!));
      }
    };
  }
  if (kind < 0.91) {
    return (values) => {
      const x = value(values, i);
      values.push(x.rank ? tf.sum(x, -1, true) : tf.sum(x));
    };
  }
  if (kind < 0.94) {
    return (values) => {
      const x = value(values, i);
      values.push(tf.mean(x, x.rank ? 0 : undefined));
    };
  }
  if (kind < 0.97) {
    return (values) => {
      const x = value(values, i);
      if (x.rank < 2 || x.size > 10_000) return;
      const small = tf.mul(x, 0.1);
      values.push(tf.matMul(x, tf.matMul(small, small, true)));
    };
  }
  return (values) => {
    const x = value(values, i);
    values.push(tf.reshape(tf.neg(tf.reshape(x, [-1])), x.shape));
  };
}

/** A random program of the inputs and a state: it writes the state now and then, and returns some of what it computed. */
function programOf(seed: number, rows: number, columns: number) {
  const random = randomOf(`plan ${seed}`);
  const length = 3 + Math.floor(random() * 38);
  const instructions = Array.from(
    { length },
    () => [instructionOf(random), random()] as const,
  );
  const shapes = [[rows, columns], [columns], [rows, 1], [], [rows, columns]];
  const start = tf.fill([rows, columns], 0.5), state = new State(start);
  start.dispose();
  const fn = (...inputs: tf.Tensor[]): tf.Tensor[] => {
    const values = [state.value, ...inputs], tests: tf.Tensor[] = [];
    const results: tf.Tensor[] = [];
    for (const [instruction, chance] of instructions) {
      instruction(values, tests);
      const last = values.at(-1)!;
      if (chance < 0.1) results.push(last);
      else if (chance > 0.9) {
        // A state keeps its shape.
        const next = tf.add(tf.mul(state.value, 0.5), tf.mean(tf.tanh(last)));
        state.value = tf.clipByValue(next, -2, 2);
        values.push(state.value);
      }
    }
    return [...new Set([...results, values.at(-1)!])].map((x) => tf.clone(x));
  };
  const inputs = () =>
    shapes.map((shape) =>
      tf.tensor(
        Float32Array.from(
          { length: shape.reduce((m, n) => m * n, 1) },
          () => random() < 0.1 ? 0 : 4 * random() - 2,
        ),
        shape,
      )
    );
  return { fn, state, inputs };
}

/** The bits that a program returns in some calls, and leaves in its state. */
async function run(
  seed: number,
  [rows, columns]: readonly [number, number],
  compiled: boolean,
) {
  const { fn, state, inputs } = programOf(seed, rows, columns);
  const program = compiled && compile(fn, { onFallback: "throw" });
  const seen: Uint8Array[] = [];
  for (let call = 0; call < 5; call++) {
    const xs = inputs();
    const ys = program ? program(...xs) : tf.tidy(() => fn(...xs));
    seen.push(...await Promise.all(ys.map(bytes)), await bytes(state.value));
    tf.dispose([xs, ys]);
  }
  const report = program && program.report();
  if (program) program.dispose();
  state.value.dispose();
  return { seen, report };
}

const SIZES = [[5, 7], [33, 50], [8, 12], [32, 4], [1, 1], [4, 64], [130, 3], [
  1,
  10,
]] as const;
const LARGE = [[200, 600], [700, 130]] as const;

for (
  const [threads, sizes, count] of [
    [1, SIZES, FULL ? 600 : 60],
    [2, LARGE, FULL ? 60 : 6],
  ] as const
) {
  onEngines(
    `${count} random programs have the same bits when they are replayed`,
    async () => {
      const before = tf.memory().numTensors;
      for (let seed = 0; seed < count; seed++) {
        const size = sizes[seed % sizes.length]!;
        const plain = await run(seed, size, false);
        const { seen, report } = await run(seed, size, true);
        assertSame(seen, plain.seen, `seed ${seed}`);
        assertEquals(report && report.replayed, 3, `seed ${seed}`);
      }
      assertEquals(tf.memory().numTensors, before);
    },
    threads > 1 ? { only: ["wasm"], threads } : {},
  );
}
