import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { wasmBackend } from "../../backend/wasm/machine/backend.ts";
import {
  assertSameAsCpu,
  type Case,
  dot,
  guarded,
  kernel,
  random,
  tensor,
  useWasm,
  values,
} from "./_wasm.ts";

Deno.test("dilation2d and its gradients are right for negative images", async () => {
  const table: [number[], number[], number, "valid" | "same", number][] = [
    [[1, 3, 3, 1], [2, 2, 1], 1, "valid", 1],
    [[2, 5, 6, 3], [3, 2, 3], 2, "same", 1],
    [[1, 7, 7, 2], [3, 3, 2], 1, "same", 2],
  ];
  await assertSameAsCpu(
    table.flatMap(([shape, filterShape, strides, pad, dilations]) =>
      [[-9, -1], [-1, 1]].flatMap(([low, high]): Case[] => {
        const attrs = { strides, pad, dilations };
        const inputs = (next: () => number) => ({
          x: tensor(shape, next, low, high),
          filter: tensor(filterShape, next),
        });
        const forward: Case = [
          `[${shape}]`,
          (next) => kernel("Dilation2D", inputs(next), attrs),
        ];
        return [
          forward,
          ...["Dilation2DBackpropInput", "Dilation2DBackpropFilter"].map((
            name,
          ): Case => [
            `${name} [${shape}] ${low}`,
            (next) => {
              const { x, filter } = inputs(next);
              const dy = tensor(
                kernel("Dilation2D", { x, filter }, attrs).shape,
                next,
              );
              return kernel(name, { x, filter, dy }, attrs);
            },
          ]),
        ];
      })
    ),
  );
});

Deno.test("oneHot gives ones of the type asked for, bool included", async () => {
  await useWasm();
  guarded(() => {
    const indices = tf.tensor1d([0, 2, -1, 7], "int32");
    for (const dtype of ["float32", "int32", "bool"] as const) {
      const y = tf.oneHot(indices, 3, 1, 0, dtype);
      assertEquals([y.dtype, y.shape], [dtype, [4, 3]]);
      assertEquals(values(y), [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    }
    assertEquals(
      values(tf.oneHot(tf.tensor2d([[1]], [1, 1], "int32"), 2, 5, -1)),
      [-1, 5],
    );
  });
});

Deno.test("the gradients of resizing are adjoint to it, with every option", async () => {
  await useWasm();
  const sizes = [[4, 4, 2, 2], [2, 4, 5, 3], [3, 5, 3, 5], [2, 2, 1, 1], [
    3,
    2,
    7,
    5,
  ]] as const;
  for (const name of ["ResizeBilinear", "ResizeNearestNeighbor"]) {
    for (const [height, width, outHeight, outWidth] of sizes) {
      for (
        const [alignCorners, halfPixelCenters] of [[false, false], [
          true,
          false,
        ], [false, true]]
      ) {
        guarded(() => {
          const next = random(5), images = tensor([2, height, width, 3], next);
          const attrs = {
            size: [outHeight, outWidth],
            alignCorners,
            halfPixelCenters,
          };
          const y = kernel(name, { images }, attrs), dy = tensor(y.shape, next);
          const dx = kernel(`${name}Grad`, { images, dy }, attrs);
          assertEquals(dx.shape, images.shape);
          assertAlmostEquals(
            dot(images, dx),
            dot(y, dy),
            1e-5,
            `${name} ${height} ${width}`,
          );
        });
      }
    }
  }
});

Deno.test("einsum of one and two tensors is the cpu backend's", async () => {
  const equations: [string, ...number[][]][] = [
    ["ij->ji", [3, 4]],
    ["ijk->", [2, 3, 4]],
    ["ijk->ki", [2, 3, 4]],
    ["ij,jk->ik", [3, 4], [4, 5]],
    ["ij,jk->ki", [3, 4], [4, 5]],
    ["bij,bjk->bik", [2, 3, 4], [2, 4, 5]],
    ["bhqd,bhkd->bhqk", [2, 3, 4, 5], [2, 3, 6, 5]],
    ["bqhd,bkhd->bhqk", [2, 4, 3, 5], [2, 6, 3, 5]],
    ["i,j->ij", [3], [4]],
    ["i,i->", [5], [5]],
    ["ij,ij->ij", [3, 4], [3, 4]],
    ["abc,cd->abd", [2, 3, 4], [4, 5]],
  ];
  await assertSameAsCpu(equations.map(([equation, ...shapes]): Case => [
    equation,
    (next) =>
      tf.einsum(equation, ...shapes.map((shape) => tensor(shape, next))),
  ]));
});

Deno.test("einsum to a scalar of tensors with no letter in common multiplies their sums", async () => {
  await useWasm(); // tfjs' cpu backend returns the second tensor
  guarded(() => {
    const y = tf.einsum("ab,cd->", tf.ones([2, 3]), tf.ones([4, 5]));
    assertEquals([y.shape, values(y)], [[], [120]]);
  });
});

Deno.test("einsum says what is wrong with an equation", async () => {
  await useWasm();
  tf.tidy(() => {
    const x = tf.ones([2, 3]);
    const run = (equation: string, ...inputs: tf.Tensor[]) => () =>
      kernel("Einsum", Object.fromEntries(inputs.entries()), { equation });
    assertThrows(run("ijk->i", x), RangeError, "one letter for each axis");
    assertThrows(run("ij,jk->ik", x, x), RangeError, "must have one length");
    assertThrows(run("ij->k", x), RangeError, "must be given");
    assertThrows(run("i,j,k->", x, x, x), RangeError, "one or two tensors");
  });
});

Deno.test("complex numbers and Fourier transforms of all lengths are the cpu backend's", async () => {
  await assertSameAsCpu([
    ...[1, 2, 3, 4, 6, 8, 12, 15, 64].flatMap((n): Case[] => [
      [`fft ${n}`, (next) => {
        const z = tf.complex(tensor([2, n], next), tensor([2, n], next));
        const y = tf.fft(z), back = tf.ifft(z);
        return [
          tf.real(y),
          tf.imag(y),
          tf.real(back),
          tf.imag(back),
          tf.abs(z),
        ];
      }],
      [`rfft ${n}`, (next) => {
        const y = tf.spectral.rfft(tensor([n], next));
        return [tf.real(y), tf.imag(y)];
      }],
    ]),
    [
      "irfft",
      (next) =>
        tf.spectral.irfft(
          tf.complex(tensor([1, 5], next), tensor([1, 5], next)),
        ),
    ],
  ]);
});

Deno.test("complex tensors can be read, sliced and joined", async () => {
  await useWasm();
  const z = tf.complex([1, 2, 3], [4, 5, 6]);
  assertEquals([...await z.data()], [1, 4, 2, 5, 3, 6]);
  tf.tidy(() => {
    const two = tf.slice(z, [1], [2]);
    assertEquals(values(tf.imag(tf.concat([two, z]))), [5, 6, 4, 5, 6]);
    assertEquals(values(tf.cast(z, "float32")), [1, 2, 3]);
    assertEquals(values(tf.imag(tf.cast(tf.ones([2]), "complex64"))), [0, 0]);
  });
  z.dispose();
});

Deno.test({
  name: "kernels can be registered twice, and after a restart of the backend",
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    for (const threads of [1, 1, 2, 1]) {
      await useWasm(threads);
      guarded(() => {
        const x = tf.tensor2d([[1, 2], [3, 4]]);
        assertEquals(values(tf.matMul(x, x)), [7, 10, 15, 22]);
        // Stock kernels work on as well.
        assertAlmostEquals(values(tf.sin(x))[0]!, Math.sin(1), 1e-6);
      });
    }
  },
});

Deno.test("no kernel leaves data behind that no tensor owns", async () => {
  await useWasm();
  const next = random(1), x = tensor([2, 6, 6, 3], next) as tf.Tensor4D;
  const filter = tensor([3, 3, 3, 4], next) as tf.Tensor4D;
  const rows = tensor([300, 5], next), bias = tensor([300, 1], next);
  const conv = { strides: 1, pad: "same", dilations: 1 };
  const table: (() => unknown)[] = [
    () => kernel("Conv2D", { x, filter }, { ...conv, dataFormat: "NHWC" }),
    () => {
      const first = tf.transpose(x, [0, 3, 1, 2]);
      const attrs = { ...conv, dataFormat: "NCHW" };
      const y = kernel("Conv2D", { x: first, filter }, attrs);
      const filterShape = filter.shape, inputShape = first.shape;
      kernel("Conv2DBackpropFilter", { x: first, dy: y }, {
        ...attrs,
        filterShape,
      });
      kernel("Conv2DBackpropInput", { dy: y, filter }, {
        ...attrs,
        inputShape,
      });
    },
    () => {
      const inputs = { a: rows, b: tf.transpose(rows), bias };
      const attrs = { transposeA: false, transposeB: false, activation: "elu" };
      kernel("_FusedMatMul", inputs, attrs);
    },
    () => tf.einsum("ij,kj->k", rows, rows),
    () => tf.pow(rows, 3),
    () => tf.prod(rows, 0),
    () => tf.sum(x, [0, 2]),
    () => tf.mean(tf.cast(rows, "int32")),
    () => tf.any(tf.greater(x, 0), [0, 2]),
    () => tf.sum(tf.cast(tf.greater(x, 0), "int32")),
    () => tf.add(rows, tf.ones([5])),
    () => tf.addN([rows, rows, rows]),
    () => tf.concat([rows, rows]),
    () => tf.stack([rows, rows]),
    () => tf.unstack(x),
    () => tf.fft(tf.complex(rows, rows)),
    () => tf.cast(tf.complex(rows, rows), "float32"),
    () => tf.maxPoolWithArgmax(x, 2, 2, "valid"),
  ];
  for (const run of table) {
    const before = wasmBackend().numDataIds();
    tf.tidy(() => void run());
    assertEquals(wasmBackend().numDataIds(), before, String(run));
  }
  tf.dispose([x, filter, rows, bias]);
});
