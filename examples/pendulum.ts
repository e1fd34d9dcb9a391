/**
 * The law of a motion, learned from noisy measurements: a network is the force in a
 * differential equation.
 *
 * ```sh
 * deno run -A examples/pendulum.ts
 * ```
 *
 * A pendulum with friction is measured from 20 starts. What is learned is the
 * acceleration f, by gradients through the steps of the solver (a neural
 * differential equation, Chen et al., 2018):
 *
 * ```text
 * θ' = ω      ω' = f(θ, ω)      in truth -4 sin θ - 0.2 ω
 * ```
 *
 * Then it predicts ten seconds of a motion that it has never seen.
 */
import {
  forLoop,
  HiddenState,
  nn,
  optim,
  ParamState,
  random,
  tf,
  train,
  useBackend,
} from "@braintape/braintape";
import { main, parseOptions } from "./_cli.ts";
import { picture, type Point, writePicture } from "./_draw.ts";

/** Seconds between two measurements, and measurements in a piece of a motion. */
const STEP = 0.1, PIECE = 10;

type Motion = (state: tf.Tensor2D) => tf.Tensor2D;

/** The change of `[batch, (θ, ω)]` in a second, for an acceleration. */
function motion(acceleration: (state: tf.Tensor2D) => tf.Tensor): Motion {
  return (state) => {
    const speed = tf.slice(state, [0, 1], [-1, 1]);
    return tf.concat([speed, acceleration(state) as tf.Tensor2D], 1);
  };
}

const truth = motion((state) => {
  const [angle, speed] = tf.split(state, 2, 1);
  return tf.sub(tf.mul(-4, tf.sin(angle!)), tf.mul(0.2, speed!));
});

/** One step of Runge and Kutta's method of order four. */
function rungeKutta(f: Motion, x: tf.Tensor2D, h: number): tf.Tensor2D {
  const ahead = (k: tf.Tensor, share: number) =>
    tf.add(x, tf.mul(h * share, k)) as tf.Tensor2D;
  const k1 = f(x), k2 = f(ahead(k1, 0.5)), k3 = f(ahead(k2, 0.5));
  const k4 = f(ahead(k3, 1));
  const middle = tf.mul(2, tf.add(k2, k3));
  return ahead(tf.add(tf.add(k1, k4), middle), 1 / 6);
}

/** The states after `steps` steps, `[steps, batch, 2]`. */
function solve(
  f: Motion,
  state: HiddenState<tf.Tensor2D>,
  start: tf.Tensor2D,
  steps: number,
): tf.Tensor3D {
  state.replace(start);
  return forLoop(
    () => state.value = rungeKutta(f, state.value, STEP),
    tf.zeros([steps]),
  ) as tf.Tensor3D;
}

class Force extends nn.Module {
  readonly net = new nn.Sequential(
    new nn.Linear(2, 32),
    nn.tanh,
    new nn.Linear(32, 32),
    nn.tanh,
    new nn.Linear(32, 1),
  );
  readonly state = new HiddenState(tf.zeros<tf.Rank.R2>([1, 2]));
  readonly motion = motion((state) => this.net.call(state));

  /** `[batch, 2]` to the states that follow, `[batch, PIECE, 2]`. */
  override update(start: tf.Tensor2D): tf.Tensor3D {
    const states = solve(this.motion, this.state, start, PIECE);
    return tf.transpose(states, [1, 0, 2]);
  }
}

/** Pieces of motions from 20 starts: where each begins, and what follows, with noise. */
async function measured() {
  const starts = random.uniform<tf.Rank.R2>([20, 2], { min: -2, max: 2 });
  const state = new HiddenState(starts);
  const states = solve(truth, state, starts, 6 * PIECE);
  const noise = random.normal(states.shape, { std: 0.02 });
  const values = await tf.transpose(tf.add(states, noise), [1, 0, 2]).data();
  const first: number[] = [], next: number[] = [];
  for (let start = 0; start < 20; start++) {
    for (let time = 0; time + PIECE < 6 * PIECE; time += 2) {
      const at = 2 * (start * 6 * PIECE + time);
      first.push(...values.slice(at, at + 2));
      next.push(...values.slice(at + 2, at + 2 + 2 * PIECE));
    }
  }
  return new train.Dataset([
    train.column(Float32Array.from(first), [2]),
    train.column(Float32Array.from(next), [PIECE, 2]),
  ]);
}

await main(async () => {
  const { epochs } = parseOptions("Learns the law of a pendulum.", {
    epochs: { default: 60, help: "passes over the data", min: 1 },
  });
  await useBackend("wasm", { threads: 1 });
  random.seed(1);
  const data = await measured();
  const model = new Force();
  await train.fit({
    model,
    optimizer: new optim.Adam({
      lr: new optim.CosineAnnealingLR({ baseLr: 0.01, tMax: 10 * epochs }),
    }).registerTrainableWeights(model.states(ParamState)),
    loss: (x, y) => nn.squaredError(model.call(x), y, { reduction: "mean" }),
    data: train.batches(data, { batchSize: 50, shuffle: true }),
    epochs,
    compile: true,
  });

  const start = tf.tensor2d([[1.8, 0]]);
  const angles = async (f: Motion) => {
    const states = await solve(f, model.state, start, 100).data();
    return Array.from(
      { length: 100 },
      (_, i): Point => [(i + 1) * STEP, states[2 * i]!],
    );
  };
  const [found, real] = [await angles(model.motion), await angles(truth)];
  const worst = Math.max(...found.map(([, a], i) => Math.abs(a - real[i]![1])));
  console.log(`largest error of the angle in ten seconds ${worst.toFixed(3)}`);
  for (const angle of [0.5, 1, 1.5]) {
    const at = tf.tensor2d([[angle, 0]]);
    const [a] = await tf.slice(model.motion(at), [0, 1], [1, 1]).data();
    const expected = -4 * Math.sin(angle);
    console.log(
      `acceleration at ${angle}: ${a!.toFixed(3)}  (true ${
        expected.toFixed(3)
      })`,
    );
  }
  await writePicture(
    "pendulum",
    picture({
      title: "Angle over ten seconds, from a start that was not measured",
      x: [0, 10],
      y: [-2, 2],
      layers: [
        { kind: "line", points: real, color: "#d55e00", name: "true", size: 5 },
        { kind: "line", points: found, color: "#0072b2", name: "predicted" },
      ],
    }),
  );
});
