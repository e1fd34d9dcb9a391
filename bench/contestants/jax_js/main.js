/**
 * jax-js as a contestant: the whole step is one jitted function. `main.js FOLDER`
 *
 * @module
 */
import { batchesOf, readWorkload } from "../read.ts";
import { serve } from "../serve.ts";
import { losses } from "./models.js";
import { otherTask } from "./other.js";
import { channelsFirst } from "./channels_first.js";

// Not known before it runs: type checking would load it.
const VERSION = "0.1.25";
const jax = await import(`npm:@jax-js/jax@${VERSION}`);
await jax.init();
jax.defaultDevice("wasm");
const { jit, numpy: np, tree, valueAndGrad } = jax;

const [folder] = Deno.args;
const LR = 1e-3, BETA1 = 0.9, EPS = 1e-8;

/** `train WORKLOAD`: it has no optimizers of its own, so Adam is written out. */
function trainingTask(workload) {
  const raw = readWorkload(folder, workload);
  const { x, y, ...stored } = workload === "cnn" ? channelsFirst(raw) : raw;
  const make = ({ data, shape }) => np.array(data).reshape(shape);
  const xs = batchesOf(x).map(make), ys = batchesOf(y).map(make);
  const paths = Object.keys(stored), isGpt = workload === "gpt";
  const beta2 = isGpt ? 0.99 : 0.999;
  const each = (fn) =>
    Object.fromEntries(paths.map((path) => [path, fn(stored[path])]));
  let params = each(make);
  let first = each(({ shape }) => np.zeros(shape));
  let second = each(({ shape }) => np.zeros(shape));
  const lossAndGradient = valueAndGrad(
    losses(jax)[workload.replace(/\d+$/, "")],
  );

  /** One where the norm of all gradients is at most 1, else its inverse. */
  function clipping(grads) {
    const sums = paths.map((path) => np.square(grads[path].ref).sum());
    const norm = np.sqrt(sums.reduce((a, b) => a.add(b)));
    return np.minimum(np.array(1).div(norm), 1);
  }

  const whole = jit((params, first, second, x, y, corrections) => {
    const [loss, grads] = lossAndGradient(tree.ref(params), x, y);
    const scale = isGpt ? clipping(grads) : undefined;
    const out = { params: {}, first: {}, second: {} };
    for (const path of paths) {
      const g = scale ? grads[path].mul(scale.ref) : grads[path];
      const m = first[path].mul(BETA1).add(g.ref.mul(1 - BETA1));
      const v = second[path].mul(beta2).add(np.square(g).mul(1 - beta2));
      const root = np.sqrt(v.ref.mul(corrections.ref.slice(1))).add(EPS);
      const update = m.ref.mul(corrections.ref.slice(0)).div(root);
      const decay = isGpt && stored[path].shape.length > 1 ? 0.1 * LR : 0;
      const kept = decay ? params[path].mul(1 - decay) : params[path];
      out.params[path] = kept.sub(update.mul(LR));
      out.first[path] = m;
      out.second[path] = v;
    }
    scale?.dispose();
    corrections.dispose();
    return [loss, out];
  });
  let taken = 0;
  function step() {
    const i = taken++ % xs.length;
    const corrections = np.array([
      1 / (1 - BETA1 ** taken),
      1 / (1 - beta2 ** taken),
    ]);
    const [loss, out] = whole(
      params,
      first,
      second,
      xs[i].ref,
      ys[i].ref,
      corrections,
    );
    ({ params, first, second } = out);
    return loss;
  }
  /** Waits for all that the last step computed. */
  async function finish(loss) {
    await Promise.all(
      Object.values(params).map((param) => param.blockUntilReady()),
    );
    return (await loss.data())[0];
  }
  return {
    async numbers() {
      const numbers = [];
      for (let i = 0; i < 3; i++) numbers.push(await finish(step()));
      return numbers;
    },
    async run(count) {
      for (let i = 1; i < count; i++) step().dispose();
      await finish(step());
    },
  };
}

await serve(`jax-js ${VERSION}`, (name) => {
  const [kind, workload] = name.split(" ");
  return kind === "train" ? trainingTask(workload) : otherTask(jax, name);
});
Deno.exit();
