/** Weights of a PyTorch model come in, give its outputs, and go out again. */
import {
  loadSafetensors,
  nn,
  saveSafetensors,
  State,
  tf,
  useBackend,
} from "@braintape/braintape";
import { torchLayout } from "@braintape/braintape/models";

await useBackend();

class Net extends nn.Module {
  readonly features = new nn.Sequential(
    new nn.Conv2d(3, 8, 3, { padding: 1 }),
    new nn.BatchNorm2d(8),
    nn.relu,
    new nn.MaxPool2d(2),
    new nn.Conv2d(8, 6, 3, { padding: 1, stride: 2 }),
    nn.gelu,
  );
  readonly flatten = new nn.Flatten({ order: "channelsFirst" });
  readonly dense = new nn.Linear(6 * 2 * 2, 8);
  readonly gru = new nn.GRU(6, 8, { resetAfter: true, lastOnly: true });
  readonly head = new nn.Linear(16, 5);

  override update(x: tf.Tensor4D): tf.Tensor2D {
    const maps = this.features.call(x);
    const flat = this.dense.call(this.flatten.call(maps));
    const places = tf.reshape<tf.Rank.R3>(maps, [x.shape[0], 4, 6]);
    const last = this.gru.call(places) as tf.Tensor2D;
    return this.head.call(tf.concat([flat, last], 1));
  }
}

const net = new Net();
const report = await loadSafetensors("net.safetensors", net, torchLayout(net));
console.log(`ignored ${report.ignored}`);

const example = {
  x: new State(tf.zeros<tf.Rank.R4>([4, 3, 8, 8])),
  y: new State(tf.zeros<tf.Rank.R2>([4, 5])),
};
await loadSafetensors("example.safetensors", example);
const x = tf.transpose(example.x.value, [0, 2, 3, 1]); // channels last
const errorOf = async (net: Net) => {
  const error = tf.sub(net.predict(x), example.y.value);
  return (await tf.max(tf.abs(error)).data())[0];
};
console.log(`error ${await errorOf(net)}`);

await saveSafetensors("back.safetensors", net, { map: torchLayout(net).map });
const again = new Net();
await loadSafetensors("back.safetensors", again, torchLayout(again));
console.log(`error of those saved ${await errorOf(again)}`);
