/** Every optimizer, with its training step compiled: the same bits. */
import { assert, assertEquals } from "@std/assert";
import {
  compile,
  nn,
  optim,
  ParamState,
  random,
  tf,
  train,
} from "../../mod.ts";
import { onEachBackend } from "../_backends.ts";
import { OPTIMIZERS } from "../optim/_optimizers.ts";

const STEPS = 24;

/** Those of which only the gradient is replayed, and why. All others are replayed whole. */
const REFUSALS: Readonly<Record<string, string>> = {
  LBFGS: "its optimizer chooses what it remembers by the number of the step",
};

/** Steps that those which are replayed whole run as they are. */
const EXCEPTED: Readonly<Record<string, number>> = {
  GaLore: 1, // each 200th
  Soap: 3, // the first, and each tenth after it
  Sophia: 3, // each tenth
};

const IN_PART =
  ": only its first stage is replayed, such as the gradient of a training step";

async function train24(name: string, isCompiled: boolean) {
  random.seed(2);
  const model = new nn.Sequential(
    new nn.Linear(5, 7),
    nn.relu,
    new nn.Linear(7, 3),
  );
  const { make } = OPTIMIZERS[name]!;
  const lr = new optim.CosineAnnealingLR({ baseLr: 1e-2, tMax: STEPS });
  using optimizer = make({ lr, gradClipNorm: 1 })
    .registerTrainableWeights(model.states(ParamState));
  const plain = train.step(
    (x: tf.Tensor2D, y: tf.Tensor2D) =>
      tf.mean<tf.Scalar>(tf.squaredDifference(model.call(x), y)),
    optimizer as unknown as optim.Optimizer,
  );
  const compiled = compile(plain, { onFallback: "ignore" });
  const step = isCompiled ? compiled : plain;
  const numbers: number[] = [];
  for (let i = 0; i < STEPS; i++) {
    const source = { random: new random.RandomState(i) };
    const x = random.normal<tf.Rank.R2>([4, 5], source);
    const y = random.normal<tf.Rank.R2>([4, 3], source);
    const loss = step(x, y);
    numbers.push(...await loss.data());
    optimizer.lrScheduler.step();
    tf.dispose([x, y, loss]);
  }
  for (const { value } of Object.values(model.states(ParamState))) {
    numbers.push(...await value.data());
  }
  for (const slots of Object.values(optimizer.optState.slots)) {
    for (const x of Object.values(slots)) numbers.push(...await x.data());
  }
  const report = compiled.report();
  compiled.dispose();
  return { numbers, report };
}

for (const name of Object.keys(OPTIMIZERS)) {
  onEachBackend(
    `${name} takes the same steps when they are compiled`,
    async () => {
      const plain = await train24(name, false);
      const compiled = await train24(name, true);
      assertEquals(compiled.numbers, plain.numbers);
      const { replayed, reason } = compiled.report;
      const refusal = REFUSALS[name];
      const excepted = EXCEPTED[name] ?? 0;
      assert(replayed >= STEPS - (refusal ? 8 : 5) - excepted, `${replayed}`);
      assert(replayed <= STEPS - 2 - excepted, `${replayed}`);
      assertEquals(reason, refusal && refusal + IN_PART);
    },
    { only: ["wasm", "webgpu"] },
  );
}
