import { assertEquals, assertMatch } from "@std/assert";
import { FULL } from "../_backends.ts";

const MOD = new URL("../../mod.ts", import.meta.url).href;

/** Fills the memory, then trains in what disposing tensors has freed. */
const SCRIPT = `
  import { autodiff, nn, optim, ParamState, tf, useBackend } from "${MOD}";
  await useBackend("wasm", { threads: Number(Deno.args[0]) });
  const model = new nn.Linear(4, 1);
  const params = model.states(ParamState);
  const optimizer = new optim.Adam({ lr: 0.1 }).registerTrainableWeights(params);
  const x = tf.ones([8, 4]);
  const lossGrad = autodiff.grad(
    () => tf.mean(tf.square(tf.sub(model.call(x), 3))),
    { states: params, returnValue: true },
  );
  const full = [];
  try {
    for (;;) full.push(tf.zeros([1 << 26]));
  } catch (error) {
    console.log(error.message);
  }
  tf.dispose(full);
  const before = tf.memory().numTensors;
  let loss = Infinity;
  for (let i = 0; i < 100; i++) {
    const [grads, value] = lossGrad();
    optimizer.step(grads);
    loss = (await value.data())[0];
    value.dispose();
  }
  console.log(loss < 0.1, tf.memory().numTensors - before > 10);
`;

// Each takes 4 GiB for a moment.
for (const threads of FULL ? [1, 2] : []) {
  Deno.test(`exhausting the WASM memory says so, and training goes on, with ${threads} threads`, async () => {
    const path = await Deno.makeTempFile({ suffix: ".ts" });
    try {
      await Deno.writeTextFile(path, SCRIPT);
      const config = new URL("../../deno.json", import.meta.url).pathname;
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--no-check",
          "-A",
          "--config",
          config,
          path,
          `${threads}`,
        ],
        env: { NO_COLOR: "1" },
      }).output();
      const [message, ended] = new TextDecoder().decode(stdout).split("\n");
      assertMatch(
        message!,
        /^Cannot allocate \d+ bytes: the WASM memory .*exhausted/,
      );
      assertEquals(ended, "true false", new TextDecoder().decode(stderr));
    } finally {
      await Deno.remove(path);
    }
  });
}
