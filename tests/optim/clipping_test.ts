/** The norm that clips, in every composition; and gradients that are not numbers. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import * as optim from "../../optim/mod.ts";
import { scope } from "../../memory.ts";
import { ParamState } from "../../state.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import { OPTIMIZERS } from "./_optimizers.ts";

type AnyOptimizer = optim.Optimizer<optim.OptimizerOptions>;
type Make = () => AnyOptimizer;

const { chain, clipByGlobalNorm, isMatrix, masked, partition } = optim;
const rate = () => optim.scaleByLearningRate();
/** Changes nothing, but is no elementwise rule: it keeps chains from fusing. */
const opaque = () => masked(optim.scaleBySm3(), () => false);
/** The same as `trace()` in the first step, but no elementwise rule. */
const opaqueTrace = () => chain(opaque(), optim.trace(), opaque());
const byRank = (m: optim.GradientTransformation, r = m) =>
  partition((_, shape) => shape.length > 1 ? "m" : "r", { m, r });

const of = (...parts: optim.GradientTransformation[]): Make => () =>
  new optim.Optimizer<optim.TxOptions>({ tx: chain(...parts), lr: 1 });
const clip = () => clipByGlobalNorm(1);

/**
 * The steps of a matrix with the gradient 3 and of a vector with the gradient 4:
 * the norm of both is 5.
 */
const COMPOSITIONS: readonly (readonly [string, Make, number, number])[] = [
  ["chain(clip, rate)", of(clip(), rate()), -.6, -.8],
  ["chain(clip, opaque, rate)", of(clip(), opaque(), rate()), -.6, -.8],
  ["chain(opaque, clip, rate)", of(opaque(), clip(), rate()), -.6, -.8],
  [
    "chain(chain(clip, opaque), rate)",
    of(chain(clip(), opaque()), rate()),
    -.6,
    -.8,
  ],
  [
    "chain(clip, masked trace, rate)",
    of(clip(), masked(optim.trace(), isMatrix), rate()),
    -.6,
    -.8,
  ],
  [
    "chain(clip, masked opaque trace, rate)",
    of(clip(), masked(opaqueTrace(), isMatrix), rate()),
    -.6,
    -.8,
  ],
  [
    "chain(masked trace, clip, rate)",
    of(masked(optim.trace(), isMatrix), clip(), rate()),
    -.6,
    -.8,
  ],
  [
    "chain(masked opaque trace, clip, rate)",
    of(masked(opaqueTrace(), isMatrix), clip(), rate()),
    -.6,
    -.8,
  ],
  [
    "chain(clip, rate, freeze)",
    of(clip(), rate(), optim.freeze(isMatrix)),
    0,
    -.8,
  ],
  [
    "chain(clip, opaque, rate, freeze)",
    of(clip(), opaque(), rate(), optim.freeze(isMatrix)),
    0,
    -.8,
  ],
  [
    "chain(freeze, clip, rate)",
    of(optim.freeze(isMatrix), clip(), rate()),
    0,
    -1,
  ],
  ["chain(clip, setToZero)", of(clip(), optim.setToZero()), 0, 0],
  ["chain(clip, partition)", of(clip(), byRank(rate())), -.6, -.8],
  [
    "chain(clip, opaque partition)",
    of(clip(), byRank(rate(), chain(opaque(), rate()))),
    -.6,
    -.8,
  ],
  [
    "masked clip counts what it clips",
    of(masked(clip(), isMatrix), rate()),
    -1,
    -4,
  ],
  [
    "partition of a clip and none",
    of(byRank(chain(clip(), rate()), rate())),
    -1,
    -4,
  ],
  ["partition of two clips", of(byRank(chain(clip(), rate()))), -1, -1],
  [
    "partition of two clips, one opaque",
    of(byRank(chain(clip(), rate()), chain(clip(), opaque(), rate()))),
    -1,
    -1,
  ],
  [
    "two clips",
    of(
      clipByGlobalNorm(2.5),
      optim.scaleByLearningRate(),
      clip(),
      optim.trace(),
    ),
    -.6,
    -.8,
  ],
  ["gradClipNorm", () => new optim.SGD({ lr: 1, gradClipNorm: 1 }), -.6, -.8],
  [
    "gradClipNorm of a partition",
    () =>
      new optim.Optimizer<optim.TxOptions>({
        lr: 1,
        gradClipNorm: 1,
        tx: byRank(rate()),
      }),
    -.6,
    -.8,
  ],
  [
    "gradClipNorm of an opaque partition",
    () =>
      new optim.Optimizer<optim.TxOptions>({
        lr: 1,
        gradClipNorm: 1,
        tx: byRank(rate(), chain(opaque(), rate())),
      }),
    -.6,
    -.8,
  ],
  [
    "gradClipNorm of a frozen part",
    () =>
      new optim.Optimizer<optim.TxOptions>({
        lr: 1,
        gradClipNorm: 1,
        tx: chain(rate(), optim.freeze(isMatrix)),
      }),
    0,
    -.8,
  ],
  [
    "gradClipNorm of Momentum",
    () => new optim.Momentum({ lr: 1, gradClipNorm: 1 }),
    -.6,
    -.8,
  ],
  [
    "Lookahead of SGD with gradClipNorm",
    () =>
      new optim.Lookahead({
        syncPeriod: 9,
        baseOptimizer: new optim.SGD({ lr: 1, gradClipNorm: 1 }),
      }),
    -.6,
    -.8,
  ],
  [
    "Lookahead of SM3 with gradClipNorm",
    () =>
      new optim.Lookahead({
        syncPeriod: 9,
        baseOptimizer: new optim.SM3({
          lr: 1,
          momentum: 0,
          eps: 1,
          gradClipNorm: 1,
        }),
      }),
    -.6 / Math.sqrt(1.36),
    -.8 / Math.sqrt(1.64),
  ],
  [
    "SM3 with gradClipNorm",
    () => new optim.SM3({ lr: 1, momentum: 0, eps: 1, gradClipNorm: 1 }),
    -.6 / Math.sqrt(1.36),
    -.8 / Math.sqrt(1.64),
  ],
];

/** A step from zero. */
async function step(
  make: Make,
  group?: optim.GroupOptions<optim.OptimizerOptions>,
): Promise<[number, number]> {
  const { w, b } = scope(() => ({
    w: new ParamState(tf.zeros([1, 1])),
    b: new ParamState(tf.zeros([1])),
  }));
  const optimizer = make();
  optimizer.registerTrainableWeights(group ? { w } : { w, b });
  if (group) optimizer.addParamGroup({ b }, group);
  optimizer.step({ w: tf.tensor2d([[3]]), b: tf.tensor1d([4]) });
  const values = [...await w.value.data(), ...await b.value.data()];
  optimizer.dispose();
  w.dispose();
  b.dispose();
  return values as [number, number];
}

function assertSteps(actual: readonly number[], ...expected: number[]) {
  actual.forEach((x, i) =>
    assertAlmostEquals(x, expected[i]!, 1e-5, `${actual}`)
  );
}

for (const [name, make, w, b] of COMPOSITIONS) {
  onEachBackend(`one norm of all gradients: ${name}`, async () => {
    await assertNoLeak(async () => {
      assertSteps(await step(make), w, b);
      assertSteps(await step(make, {}), w, b); // two groups
    });
  }, { only: ["cpu", "wasm", "webgpu"] });
}

const SGD = (options: optim.SGDOptions = {}): Make => () =>
  new optim.SGD({ lr: 1, ...options });
const OPAQUE = (gradClipNorm?: number): Make => () =>
  new optim.Optimizer<optim.TxOptions>({
    lr: 1,
    tx: chain(opaque(), rate()),
    gradClipNorm,
  });

/** The second group has options of its own. */
const GROUPS: readonly (readonly [
  string,
  Make,
  optim.GroupOptions<optim.OptimizerOptions>,
  number,
  number,
])[] = [
  ["a rate of its own", SGD({ gradClipNorm: 1 }), { lr: 2 }, -.6, -1.6],
  ["no clipping", SGD({ gradClipNorm: 1 }), { gradClipNorm: null }, -.6, -4],
  ["the only clipping", SGD(), { gradClipNorm: 1 }, -3, -.8],
  ["another limit", SGD({ gradClipNorm: 1 }), { gradClipNorm: 2 }, -.6, -1.6],
  ["its own rule", SGD({ gradClipNorm: 1 }), { tx: rate() }, -.6, -.8],
  [
    "its own opaque tx",
    SGD({ gradClipNorm: 1 }),
    { tx: chain(opaque(), rate()) },
    -.6,
    -.8,
  ],
  ["a rule beside an opaque tx", OPAQUE(1), { tx: rate() }, -.6, -.8],
  [
    "no clipping beside an opaque tx",
    OPAQUE(1),
    { gradClipNorm: null },
    -.6,
    -4,
  ],
  [
    "the only clipping beside an opaque tx",
    OPAQUE(),
    { gradClipNorm: 1 },
    -3,
    -.8,
  ],
  [
    "a clip in each tx, rules",
    of(clip(), rate()),
    { tx: chain(clip(), optim.trace(), rate()) },
    -.6,
    -.8,
  ],
  [
    "a clip in each tx, one opaque",
    of(clip(), rate()),
    { tx: chain(clip(), opaque(), rate()) },
    -.6,
    -.8,
  ],
  [
    "a clip in each tx, the other opaque",
    of(clip(), opaque(), rate()),
    { tx: chain(clip(), rate()) },
    -.6,
    -.8,
  ],
  ["a clip in its tx only", of(rate()), { tx: chain(clip(), rate()) }, -3, -1],
  [
    "a clip in its opaque tx only",
    of(rate()),
    { tx: chain(clip(), opaque(), rate()) },
    -3,
    -1,
  ],
];

for (const [name, make, group, w, b] of GROUPS) {
  onEachBackend(`the norm where the second group has ${name}`, async () => {
    await assertNoLeak(async () => assertSteps(await step(make, group), w, b));
  }, { only: ["cpu", "wasm", "webgpu"] });
}

onEachBackend("a parameter without a gradient is not in the norm", async () => {
  for (const make of [of(clip(), rate()), of(clip(), opaque(), rate())]) {
    const w = new ParamState(tf.zeros([1, 1]));
    const b = new ParamState(tf.zeros([1]));
    const optimizer = make().registerTrainableWeights({ w, b });
    optimizer.step({ w: tf.tensor2d([[3]]) });
    assertSteps([...await w.value.data(), ...await b.value.data()], -1, 0);
  }
}, { only: ["cpu", "wasm"] });

for (const [name, { make }] of Object.entries(OPTIMIZERS)) {
  onEachBackend(
    `${name} makes no ordinary step of a gradient that is not a number`,
    async () => {
      for (
        const [options, spreads] of [
          [{}, false],
          [{ gradClipValue: .5 }, false],
          [{ gradClipNorm: 1 }, true],
          [{ gradClipNorm: 1, gradClipValue: .5 }, true],
        ] as const
      ) {
        const w = new ParamState(tf.tensor1d([1, 1, 1]));
        const v = new ParamState(tf.tensor1d([1, 1]));
        const optimizer = make(options).registerTrainableWeights({ w, v });
        optimizer.step({
          w: tf.tensor1d([NaN, 1, 2]),
          v: tf.tensor1d([1, 2]),
        });
        const first = await w.value.data(), other = await v.value.data();
        const shown = `${JSON.stringify(options)}: ${first} and ${other}`;
        assert(Number.isNaN(first[0]), shown);
        if (spreads) {
          const all = [...first, ...other];
          assertEquals(all.filter((x) => !Number.isNaN(x)), [], shown);
        }
        optimizer.dispose();
      }
    },
    { only: ["cpu", "wasm", "webgpu"] },
  );
}
