/** Types of searches and of minimize. */
import * as tf from "@tensorflow/tfjs-core";
import * as optim from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import { onEachBackend } from "../_backends.ts";

onEachBackend("candidates have the types of their bounds", async () => {
  const low = tf.tensor2d([[0, 0]]), high = tf.tensor2d([[1, 1]]);
  const search = new optim.CMAES({
    gain: [0, 1],
    list: [[2, 3], { w: [low, high] }],
  });
  const [first] = search.ask();
  const gain: number = first!.gain;
  const w: tf.Tensor2D = first!.list[1].w;
  // @ts-expect-error: there is no such bound
  first!.gian;
  // @ts-expect-error: a number is no tensor
  const wrong: tf.Tensor = first!.gain;
  const batch = search.askBatch();
  const gains: tf.Tensor1D = batch.gain;
  await search.minimize(({ gain, list: [tau] }) => gain * tau, { budget: 20 });
  // @ts-expect-error: a string is no value
  const never = () => search.minimize(() => "1");
  // @ts-expect-error: the start has the structure of the bounds
  const start = () => new optim.CMAES({ gain: [0, 1] }, { start: [1] });
  // @ts-expect-error: there is no such option
  const option = () => new optim.CMAES([0, 1], { popsize: 8 });
  tf.dispose([low, high, w, gains, batch.list[1].w]);
  void [gain, wrong, never, start, option];
}, { only: ["cpu"] });

onEachBackend("the minimum has the type of the start", async () => {
  const x0 = { a: tf.scalar(1), w: tf.tensor1d([1, 2]) };
  const { x, gradient } = await optim.minimize(
    ({ a, w }) => tf.add(tf.square(a), tf.sum(tf.square(w))),
    x0,
  );
  const w: tf.Tensor1D = x.w, dw: tf.Tensor1D = gradient!.w;
  // @ts-expect-error: there is no such variable
  x.b;
  const state = new ParamState(tf.scalar(2));
  const found = await optim.minimize(
    (state) => tf.square(state.value),
    state,
    { callback: ({ x }) => x.value.rank === 0 },
  );
  const same: ParamState<tf.Scalar> = found.x;
  const slope: tf.Scalar = found.gradient!;
  // @ts-expect-error: there is no such method
  const options: optim.MinimizeOptions = { method: "x" };
  // @ts-expect-error: a number is no variable
  const start = () => optim.minimize((x) => tf.scalar(x), 1);
  tf.dispose([w, dw, same.value, slope]);
  void [options, start];
}, { only: ["cpu"] });
