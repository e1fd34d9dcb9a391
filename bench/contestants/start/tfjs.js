/** The same in stock tfjs. */

// Not known before it runs: type checking would load it.
const VERSION = "4.22.0";
const tf = await import(`npm:@tensorflow/tfjs@${VERSION}`);
await import(`npm:@tensorflow/tfjs-backend-wasm@${VERSION}`);

await tf.setBackend("wasm");
const layer = (a, b) => [
  tf.variable(tf.randomNormal([a, b], 0, 0.05)),
  tf.variable(tf.zeros([b])),
];
const [w1, b1] = layer(784, 256), [w2, b2] = layer(256, 10);
const x = tf.ones([32, 784]), y = tf.oneHot(tf.zeros([32], "int32"), 10);
const loss = tf.train.adam(1e-3).minimize(() => {
  const hidden = tf.relu(tf.add(tf.matMul(x, w1), b1));
  const scores = tf.add(tf.matMul(hidden, w2), b2);
  return tf.losses.softmaxCrossEntropy(y, scores);
}, true);
await loss.data();
Deno.exit();
