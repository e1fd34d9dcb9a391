import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import * as optim from "../../optim/mod.ts";
import { RandomState } from "../../random.ts";
import { FULL } from "../_backends.ts";
import { CONTESTANTS, evaluations } from "./_contest.ts";
import { FUNCTIONS, TENSORS } from "./_functions.ts";

const names = Object.keys(FUNCTIONS);

for (const [name, contestant] of Object.entries(CONTESTANTS)) {
  Deno.test(`${name} reaches the minima of known functions within its budgets`, async () => {
    assertEquals(contestant.budgets.length, names.length);
    for (const [i, of] of names.entries()) {
      const budget = contestant.budgets[i]!;
      // Millions of evaluations take minutes.
      if (budget > 100_000 && !FULL) continue;
      // Rosenbrock's function takes differential evolution seconds.
      const seeds = FULL ? [0, 1, 2] : budget > 50_000 ? [1] : [0, 1];
      for (const seed of seeds) {
        const spent = await evaluations(
          contestant,
          FUNCTIONS[of]!,
          budget,
          seed,
        );
        assert(spent <= budget, `${of}, seed ${seed}: ${spent}`);
      }
    }
  });
}

Deno.test("the functions of tensors are those of numbers", async () => {
  await useBackend("cpu");
  for (const name of names) {
    const { f, n } = FUNCTIONS[name]!;
    const x = Array.from({ length: n }, (_, i) => Math.fround(Math.cos(3 * i)));
    const value = tf.tidy(() => TENSORS[name]!(tf.tensor1d(x)));
    const [found] = await value.data();
    assert(Math.abs(found! - f(x)) < 1e-5 * Math.max(1, Math.abs(f(x))), name);
  }
});

/** How to minimize each function, and how many evaluations may be needed. */
const RUNS: readonly (optim.MinimizeOptions<tf.Tensor1D> & {
  readonly budget: number;
})[] = [
  { nRestarts: 1, budget: 1_000 },
  { method: "differential-evolution", budget: 20_000 },
  { method: "cma-es", tolerance: 1e-8, nRestarts: 2, budget: 9_000 },
  { nRestarts: 60, budget: 4_000 },
  { nRestarts: 8, budget: 1_000 },
];

Deno.test("minimize reaches the minima of known functions within its budgets", async () => {
  await useBackend("cpu");
  for (const [i, name] of names.entries()) {
    const { n, bounds, least } = FUNCTIONS[name]!;
    const x0 = tf.fill([n], (bounds[0] + 2 * bounds[1]) / 3) as tf.Tensor1D;
    // Values of float32 have seven digits, and Ackley's 0 is 22.7 less 22.7.
    const size = name === "Ackley" ? 22.7 : Math.max(1, Math.abs(least));
    const near = 2e-6 * size;
    const { x, value, gradient } = await optim.minimize(TENSORS[name]!, x0, {
      ...RUNS[i]!,
      bounds,
      random: new RandomState(1),
    });
    assert(value - least < near, `${name}: ${value - least}`);
    tf.dispose([x0, x, gradient as tf.Tensor]);
  }
});
