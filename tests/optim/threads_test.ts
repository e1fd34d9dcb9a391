import { assert, assertEquals } from "@std/assert";
import {
  compile,
  optim,
  ParamState,
  scope,
  tf,
  useBackend,
} from "../../mod.ts";
import { machine } from "../../backend/wasm/machine/functions.ts";
import { BACKENDS } from "../_backends.ts";

/** Enough for several threads, an odd number of elements, and one for no thread more. */
const SIZES = { large: [300_007], matrix: [512, 513], small: [5], empty: [0] };

const OPTIMIZERS: Readonly<Record<string, () => optim.Optimizer>> = {
  AdamW: () => new optim.AdamW({ lr: 1e-2 }),
  // Sums of a tensor, and of all.
  "Cautious Adam": () =>
    new optim.Cautious({ baseOptimizer: new optim.Adam({ lr: 1e-2 }) }),
  "Lamb, clipped": () => new optim.Lamb({ lr: 1e-2, gradClipNorm: 1 }),
};

/** The bits of all parameters after some steps, and how many calls were of several parts. */
async function train(
  make: () => optim.Optimizer,
  threads: number,
  compiled: boolean,
): Promise<{ bits: Record<string, Int32Array>; divided: number }> {
  await useBackend("wasm", { threads });
  const run = machine().run.bind(machine());
  let divided = 0;
  machine().run = (index, parts) => {
    if (parts.length > 1) divided++;
    run(index, parts);
  };
  const wave = (shape: number[], k: number) => {
    const size = tf.util.sizeFromShape(shape);
    return tf.tensor(
      Float32Array.from({ length: size }, (_, i) => Math.sin(k * i + k)),
      shape,
    );
  };
  const states = scope(() =>
    Object.fromEntries(
      Object.entries(SIZES).map(([name, shape]) => [
        name,
        new ParamState(wave(shape, 1)),
      ]),
    )
  );
  const optimizer = make().registerTrainableWeights(states);
  const step = (...grads: tf.Tensor[]) => {
    const names = Object.keys(SIZES);
    optimizer.step(
      Object.fromEntries(names.map((name, i) => [name, grads[i]!])),
      { keep: true },
    );
  };
  const program = compiled ? compile(step, { onFallback: "throw" }) : undefined;
  for (let i = 0; i < 5; i++) {
    const grads = Object.values(SIZES).map((shape) => wave(shape, 2 + i));
    (program ?? step)(...grads);
    tf.dispose(grads);
  }
  if (program) assert(program.report().replayed > 0);
  program?.dispose();
  const bits: Record<string, Int32Array> = {};
  for (const [name, state] of Object.entries(states)) {
    const values = await state.value.data();
    bits[name] = new Int32Array(values.slice().buffer);
    state.dispose();
  }
  optimizer.dispose();
  machine().run = run;
  return { bits, divided };
}

for (const [name, make] of Object.entries(OPTIMIZERS)) {
  for (const compiled of [false, true]) {
    Deno.test({
      name: `${name} gives the same bits with one thread and with three${
        compiled ? ", compiled" : ""
      }`,
      ignore: !BACKENDS.includes("wasm"),
      async fn() {
        const one = await train(make, 1, compiled);
        const three = await train(make, 3, compiled);
        assertEquals(one.divided, 0);
        assert(three.divided >= 5, `${three.divided} calls were divided`);
        for (const name in SIZES) {
          assertEquals(three.bits[name], one.bits[name]);
        }
      },
    });
  }
}
