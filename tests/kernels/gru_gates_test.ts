/** The gates of cells with a candidate, on every backend, against float64. */
import { assert } from "@std/assert";
import { resetAfter, resetBefore } from "../../backend/ops/gru_gates.ts";
import { autodiff, tf } from "../../mod.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";
import { noise } from "./_float64.ts";

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Of the state in the candidate: `a` times what it is of, an element each. */
type Values = readonly [
  x: Float64Array,
  y: Float64Array,
  a: Float64Array,
  h: Float64Array,
];

interface Kind {
  readonly gates: number;
  readonly isAfter: boolean;
}

const KINDS: readonly Kind[] = [1, 2].flatMap((gates) =>
  [false, true].map((isAfter) => ({ gates, isAfter }))
);

/** The next state, as `backend/ops/gru_gates.ts` has the formulas. */
function reference(
  { gates, isAfter }: Kind,
  [x, y, a, h]: Values,
  hidden: number,
): Float64Array {
  return h.map((before, at) => {
    const row = Math.floor(at / hidden), column = at % hidden;
    const term = (k: number) => x[(row * (gates + 1) + k) * hidden + column]!;
    const open = (k: number) =>
      sigmoid(term(k) + y[(row * gates + k) * hidden + column]!);
    const r = open(0), z = open(gates - 1);
    const state = isAfter ? r * a[at]! : a[at]! * (r * before);
    return before + z * (Math.tanh(term(gates) + state) - before);
  });
}

function run({ isAfter }: Kind, inputs: readonly tf.Tensor[]): tf.Tensor2D {
  const [x, y, a, h] = inputs as tf.Tensor2D[];
  const terms = { x: x!, y: y!, h: h! };
  return isAfter
    ? resetAfter(terms, a!, null)
    : resetBefore(terms, (reset) => tf.mul(a!, reset), null);
}

function assertNear(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  error: number,
) {
  for (let i = 0; i < expected.length; i++) {
    const off = Math.abs(actual[i]! - expected[i]!);
    assert(off < error, `${actual[i]} instead of ${expected[i]} at ${i}`);
  }
}

/** Numbers of the shapes that the inputs have. */
function scene({ gates }: Kind, batch: number, hidden: number) {
  const size = batch * hidden, widths = [gates + 1, gates, 1, 1];
  const values = widths.map((width, i) => noise(width * size, i + 1, 2));
  return {
    values: values as unknown as Values,
    inputs: values.map((x, i) =>
      tf.tensor2d(Float32Array.from(x), [batch, widths[i]! * hidden])
    ),
    slope: noise(size, 9),
  };
}

onEachBackend(
  "gates with a candidate and their gradients equal float64",
  async () => {
    for (const kind of KINDS) {
      for (
        const [batch, hidden] of [[1, 1], [3, 5], [2, 65], [17, 128]] as const
      ) {
        await assertNoLeak(async () => {
          const { values, inputs, slope } = scene(kind, batch, hidden);
          const dy = tf.tensor2d(Float32Array.from(slope), [batch, hidden]);
          const next = tf.tidy(() => run(kind, inputs));
          assertNear(await next.data(), reference(kind, values, hidden), 1e-6);
          const gradients = tf.tidy(() =>
            tf.grads((...inputs: tf.Tensor[]) =>
              tf.sum(tf.mul(run(kind, inputs), dy))
            )(inputs)
          );
          const lossOf = (values: Values) =>
            reference(kind, values, hidden)
              .reduce((sum, x, i) => sum + x * slope[i]!, 0);
          for (const [k, gradient] of gradients.entries()) {
            const actual = await gradient.data(), { length } = actual;
            for (let at = 0; at < length; at += Math.ceil(length / 20)) {
              const moved = (by: number) =>
                lossOf(
                  values.map((x, i) =>
                    i === k ? x.map((v, j) => j === at ? v + by : v) : x
                  ) as unknown as Values,
                );
              const expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
              assertNear([actual[at]!], [expected], 2e-6);
            }
          }
          tf.dispose([inputs, dy, next, gradients]);
        });
      }
    }
  },
);

onEachBackend(
  "second derivatives of gates with a candidate equal differences in float64",
  async () => {
    const batch = 2, hidden = 3;
    for (const kind of KINDS) {
      const { values, inputs, slope } = scene(kind, batch, hidden);
      const dy = tf.tensor2d(Float32Array.from(slope), [batch, hidden]);
      const ways = values.map((x, i) => noise(x.length, 20 + i));
      const directions = ways.map((way, i) =>
        tf.tensor(Float32Array.from(way), inputs[i]!.shape)
      );
      const along = (gradients: readonly tf.Tensor[]) =>
        tf.addN(gradients.map((g, i) => tf.sum(tf.mul(g, directions[i]!))));
      const first = (...xs: tf.Tensor[]) =>
        along(
          tf.grads((...xs: tf.Tensor[]) => tf.sum(tf.mul(run(kind, xs), dy)))(
            xs,
          ),
        ) as tf.Scalar;
      const argnums = inputs.map((_, i) => i);
      const second = tf.tidy(() =>
        along(
          autodiff.grad(first, { argnums })(...inputs) as tf.Tensor[],
        )
      );
      const moved = (by: number) =>
        reference(
          kind,
          values.map((x, i) =>
            x.map((v, j) => v + by * ways[i]![j]!)
          ) as unknown as Values,
          hidden,
        ).reduce((sum, x, i) => sum + x * slope[i]!, 0);
      const expected = (moved(1e-3) - 2 * moved(0) + moved(-1e-3)) / 1e-6;
      assertNear(await numbers(second), [expected], 2e-5);
      tf.dispose([inputs, dy, directions, second]);
    }
  },
);

onEachBackend("gates with a candidate, of no rows, are of no rows", () => {
  for (const kind of KINDS) {
    const { gates } = kind;
    const inputs = [2 * gates + 2, 2 * gates, 2, 2].map((columns) =>
      tf.zeros([0, columns])
    );
    const { shape } = run(kind, inputs);
    assert(shape[0] === 0 && shape[1] === 2);
  }
});
