import * as tf from "@tensorflow/tfjs-core";
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { autodiff, nn } from "../../mod.ts";
import { numbers, onEachBackend } from "../_backends.ts";

const INF = Infinity;

/** `count` values of `f` in a tensor `[1, 1, rows, count / rows]`. */
function tensor(rows: number, count: number, f: (i: number) => number) {
  const values = Array.from({ length: count }, (_, i) => f(i));
  return tf.tensor4d(values, [1, 1, rows, count / rows]);
}
const query = () => tensor(3, 12, (i) => i / 7 - 0.6);
const key = () => tensor(4, 16, Math.sin);
const value = () => tensor(4, 8, Math.cos);

const bool = (rows: number[][]) => tf.cast(tf.tensor2d(rows), "bool");
const some = [[1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]];
const large = [[0, -1e9, 0, 0], [0.5, -0.5, 1, 0], [0, 0, 0, -1e9]];
const infinite = [
  [0, -INF, -INF, 1],
  [-INF, -INF, -INF, -INF],
  [0, 0, 0, 0],
];

/** Masks, and what torch 2.13's `scaled_dot_product_attention` gives with them. */
const cases: Record<string, [() => nn.AttentionMask, number[]]> = {
  "a float mask is added to the scores": [
    () => ({ mask: tf.tensor2d(large) }),
    [0.426152, 0.531241, 0.271417, 0.337687, 0.367214, 0.176256],
  ],
  "a bool mask is true where a query attends": [
    () => ({ mask: bool(some) }),
    [0.978092, 0.657792, 0, 0, 0.585564, 0.388969],
  ],
  "a float mask of -Infinity excludes keys": [
    () => ({ mask: tf.tensor2d(infinite) }),
    [0.969384, 0.704491, 0, 0, 0.585564, 0.388969],
  ],
  "causal and a bool mask": [
    () => ({ causal: true, mask: bool(some) }),
    [1, 0.540302, 0, 0, 0.585564, 0.388969],
  ],
  "causal and a float mask": [
    () => ({ causal: true, mask: tf.tensor2d(large) }),
    [1, 0.540302, 0.077136, 0.220282, 0.367214, 0.176256],
  ],
  "a float mask for each head": [
    () => ({ mask: tf.tensor4d([infinite].map((rows) => [rows])) }),
    [0.969384, 0.704491, 0, 0, 0.585564, 0.388969],
  ],
  "a bool mask of keys, for all queries": [
    () => ({ keyMask: bool([[0, 0, 1, 0]]) as tf.Tensor2D }),
    Array(3).fill([Math.cos(4), Math.cos(5)]).flat(),
  ],
  "a float mask of keys, for all queries": [
    () => ({ keyMask: tf.tensor2d([[-INF, -1e9, 0, -1e9]]) }),
    Array(3).fill([Math.cos(4), Math.cos(5)]).flat(),
  ],
};

for (const [name, [mask, want]] of Object.entries(cases)) {
  onEachBackend(`attention: ${name}`, async () => {
    const y = nn.scaledDotProductAttention(query(), key(), value(), mask());
    const got = await numbers(y);
    assertEquals(got.length, want.length);
    for (const [i, x] of got.entries()) assertAlmostEquals(x, want[i]!, 5e-6);
  });
}

onEachBackend(
  "the gradients of a masked attention are torch's, and 0 for a row that sees nothing",
  async () => {
    const attend = (q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D) =>
      nn.scaledDotProductAttention(q, k, v, { mask: tf.tensor2d(infinite) });
    const gradient = autodiff.vectorGrad(attend, { argnums: [0, 1, 2] });
    const [dq, dk, dv] = gradient(query(), key(), value());
    // deno-fmt-ignore
    const want = {
    dq: [-0.00829, -0.006509, 0.001256, 0.007866, 0, 0, 0, 0,
      -0.04541, 0.255377, 0.321371, 0.091899],
    dk: [0.066335, 0.079146, 0.091956, 0.104766, -0.082811, -0.104603, -0.126395,
      -0.148187, -0.048173, -0.06085, -0.073527, -0.086204, 0.064648, 0.086307,
      0.107966, 0.129625],
    dv: [0.602928, 0.602928, 0.128154, 0.128154, 0.132002, 0.132002, 1.136916,
      1.136916],
  };
    for (
      const [got, list] of [[dq, want.dq], [dk, want.dk], [
        dv,
        want.dv,
      ]] as const
    ) {
      for (const [i, x] of (await numbers(got!)).entries()) {
        assertAlmostEquals(x, list[i]!, 5e-6);
      }
    }
  },
);

onEachBackend(
  "a causal query without a key is 0, and never sees the future",
  async () => {
    // Of 6 queries, the first two come before all of the 4 keys.
    const q = tf.concat([query(), tf.add(query(), 1)], 2) as tf.Tensor4D;
    const y = nn.scaledDotProductAttention(q, key(), value(), { causal: true });
    const want = [
      0,
      0,
      0,
      0,
      1,
      0.540302,
      0.571155,
      0.076891,
      0.554817,
      0.309906,
      0.830643,
      0.559207,
    ];
    for (const [i, x] of (await numbers(y)).entries()) {
      assertAlmostEquals(x, want[i]!, 5e-6);
    }
  },
);

onEachBackend(
  "no score and no float mask outweighs a causal or a bool mask",
  async () => {
    const big = tf.fill<tf.Rank.R4>([1, 1, 2, 1], 1e6);
    const keys = tf.tensor4d([[[[-1e6], [1e6]]]]),
      values = tf.tensor4d([[[[1], [2]]]]);
    for (
      const mask of [
        { causal: true },
        { causal: true, mask: tf.tensor2d([[0, 1e20], [0, 0]]) },
        { mask: bool([[1, 0], [1, 1]]) },
        { mask: tf.tensor2d([[0, -INF], [0, 0]]) },
        { causal: true, keyMask: tf.tensor2d([[0, 1e30]]) },
      ]
    ) {
      const y = nn.scaledDotProductAttention(big, keys, values, mask);
      assertEquals(await numbers(y), [1, 2]);
    }
  },
);

onEachBackend("layers with attention pass masks on", async () => {
  const x = tf.tensor3d([[[1, 2], [3, 5], [-1, 0]]]);
  const changed = tf.tensor3d([[[1, 2], [3, 5], [9, -9]]]);
  const keyMask = bool([[1, 1, 0]]) as tf.Tensor2D;
  const added = tf.tensor2d([[0, 0, -INF]]);
  const attention = new nn.MultiHeadAttention(2, 1);
  const block = new nn.TransformerBlock(2, 1);
  for (const mask of [{ keyMask }, { keyMask: added }, { mask: added }]) {
    for (
      const layer of [
        (x: tf.Tensor3D) => attention.call(x, x, mask),
        (x: tf.Tensor3D) => block.call(x, mask),
      ]
    ) {
      const [a, b] = [await numbers(layer(x)), await numbers(layer(changed))];
      assertEquals(a.slice(0, 4), b.slice(0, 4));
    }
  }
});

onEachBackend(
  "a mask that is neither bool nor float32, or of another shape, is refused",
  () => {
    const layer = new nn.MultiHeadAttention(2, 1);
    const x = tf.ones<tf.Rank.R3>([1, 3, 2]);
    const q = tf.ones<tf.Rank.R4>([1, 1, 3, 2]);
    const wrong: [nn.AttentionMask, RegExp][] = [
      [
        { mask: tf.ones([3, 3], "int32") },
        /mask must be of bool \(true: attend\) or of float32/,
      ],
      [{ keyMask: tf.ones([1, 3], "int32") }, /keyMask must be of bool/],
      [{ mask: [[1, 0, 0]] as never }, /mask must be a tensor/],
      [
        { mask: tf.ones([3, 2], "bool") },
        /mask must be broadcastable to \[1, 1, 3, 3\]/,
      ],
      [
        { keyMask: tf.ones([3, 3], "bool") },
        /keyMask must be of shape \[1, 3\]/,
      ],
      [
        { isCausal: true } as never,
        /no option "isCausal": did you mean "causal"/,
      ],
    ];
    for (const [mask, message] of wrong) {
      for (
        const run of [
          () => layer.call(x, x, mask),
          () => nn.scaledDotProductAttention(q, q, q, mask),
        ]
      ) {
        const error = assertThrows(run, Error);
        assertEquals(message.test(error.message), true, error.message);
      }
    }
  },
  { only: ["cpu"] },
);
