/** Tasks that are no training, in stock tfjs, by the names that Braintape's have. */
export function otherTask(tf, name) {
  const [kind, ...words] = name.split(" ");
  if (kind === "optimizer") return optimizer(tf, words);
  if (kind === "matMul") return repeat(matMul(tf, words));
  if (kind === "convolution" && words[0] === "forward") {
    return repeat(convolution(tf, words.slice(1).map(Number)));
  }
  throw new Error(`tfjs has nothing for ${name}`);
}

const repeat = (once) => ({
  run(count) {
    for (let i = 0; i < count; i++) once().dispose();
  },
});

/** Its Adam, which is the nearest that it has to AdamW. */
function optimizer(tf, [, count, size]) {
  const shape = [Number(size)];
  const variables = Array.from(
    { length: Number(count) },
    () => tf.variable(tf.ones(shape)),
  );
  const gradients = variables.map(({ name }) => ({
    name,
    tensor: tf.fill(shape, 0.5),
  }));
  const adam = tf.train.adam(1e-3);
  return {
    run(count) {
      for (let i = 0; i < count; i++) adam.applyGradients(gradients);
    },
  };
}

function matMul(tf, [m, n, k, transposes, batch]) {
  const [M, N, K] = [m, n, k].map(Number);
  const [left, right] = [...transposes].map((letter) => letter === "T");
  const many = batch ? [Number(batch)] : [];
  const a = tf.randomNormal([...many, ...(left ? [K, M] : [M, K])]);
  const b = tf.randomNormal([...many, ...(right ? [N, K] : [K, N])]);
  return () => tf.matMul(a, b, left, right);
}

function convolution(tf, [batch, size, channels, kernel, outs]) {
  const x = tf.randomNormal([batch, size, size, channels]);
  const filter = tf.randomNormal([kernel, kernel, channels, outs]);
  return () => tf.conv2d(x, filter, 1, "same");
}
