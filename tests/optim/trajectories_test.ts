/**
 * Every optimizer, with each of its options, against 60 steps in float64 by
 * torch, optax or a transcription of the paper (`scripts/golden/optimizers.py`).
 */
import { assert, assertEquals } from "@std/assert";
import { withoutFusion } from "../../backend/fusion/mod.ts";
import { Adam, AdamW, isMatrix, Lion, Momentum, SGD } from "../../optim/mod.ts";
import { assertNoLeak, FULL, onEachBackend } from "../_backends.ts";
import golden from "../golden/optimizers.json" with { type: "json" };
import { OPTIMIZERS } from "./_optimizers.ts";
import {
  disposeAll,
  gradients,
  isOfFunction,
  quadratic,
  start,
  summary,
} from "./_problem.ts";

interface Case {
  readonly class: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly by: string;
  readonly steps: Readonly<Record<string, Readonly<Record<string, number[]>>>>;
}

const CASES = golden.cases as unknown as readonly Case[];
const RELATIVE = 1e-5, ABSOLUTE = 1e-6;

/** What JSON has words for. */
const WORDS: Readonly<Record<string, () => unknown>> = {
  matrices: () => isMatrix,
  "the matrix": () => /^matrix$/,
  all: () => /^/,
  none: () => /$^/,
  "AdamW 0.01": () => new AdamW({ lr: 0.01 }),
  "Adam 0.01": () => new Adam({ lr: 0.01 }),
  "Lion 0.01": () => new Lion({ lr: 0.01 }),
  "SGD 0.1": () => new SGD({ lr: 0.1 }),
  "Momentum 0.1": () => new Momentum({ lr: 0.1 }),
};

function optionsOf({ options }: Case): object {
  return Object.fromEntries(
    Object.entries(options).map(([name, x]) => [
      name,
      typeof x === "string" ? WORDS[x]?.() ?? x : x,
    ]),
  );
}

async function follow(test: Case, steps = 60): Promise<void> {
  const names = Object.keys(test.steps[1]!);
  const params = start(names);
  const optimizer = OPTIMIZERS[test.class]!.make(optionsOf(test))
    .registerTrainableWeights(params);
  for (let k = 1; k <= steps; k++) {
    const isFunction = isOfFunction(test.class, test.options);
    optimizer.step(isFunction ? quadratic(params) : gradients(names, k));
    for (const [name, expected] of Object.entries(test.steps[k] ?? {})) {
      const actual = await summary(name, params[name]!);
      assertEquals(actual.length, expected.length);
      expected.forEach((x, i) => {
        const error = Math.abs(actual[i]! - x);
        assert(
          error <= ABSOLUTE + RELATIVE * Math.abs(x),
          `step ${k}, ${name}[${i}]: ${actual[i]} is not ${x}`,
        );
      });
    }
  }
  optimizer.dispose();
  disposeAll(params);
}

CASES.forEach((test, i) => {
  const name = `${test.class} ${
    JSON.stringify(test.options)
  } follows ${test.by}`;
  const isFirst = CASES.findIndex((c) => c.class === test.class) === i;
  onEachBackend(
    name,
    async (backend) => {
      // Slow backends take all 60 steps in the full suite only.
      const steps = backend === "wasm" || (FULL && isFirst) ? 60 : 20;
      await assertNoLeak(() => follow(test, steps));
      const alsoComposed = FULL && (backend === "wasm" || isFirst);
      if (!alsoComposed || backend === "cpu") return; // which composes always
      await assertNoLeak(() => withoutFusion(() => follow(test, steps)));
    },
    { only: FULL || isFirst ? ["cpu", "wasm", "webgpu"] : ["wasm"] },
  );
});

Deno.test("every class has a trajectory", () => {
  const classes = new Set(CASES.map((test) => test.class));
  assertEquals([...classes].sort(), Object.keys(OPTIMIZERS).sort());
});
