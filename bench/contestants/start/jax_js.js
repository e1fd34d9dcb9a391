/** The same in jax-js, with plain gradient descent. */

// Not known before it runs: type checking would load it.
const VERSION = "0.1.25";
const jax = await import(`npm:@jax-js/jax@${VERSION}`);
const { jit, nn, numpy: np, random, tree, valueAndGrad } = jax;

await jax.init();
jax.defaultDevice("wasm");
const params = {
  w1: random.uniform(random.key(0), [784, 256]),
  b1: np.zeros([256]),
  w2: random.uniform(random.key(1), [256, 10]),
  b2: np.zeros([10]),
};
const lossAndGradient = valueAndGrad((params, x, y) => {
  const hidden = nn.relu(np.dot(x, params.w1).add(params.b1));
  const scores = np.dot(hidden, params.w2).add(params.b2);
  return nn.logSoftmax(scores).mul(nn.oneHot(y, 10)).sum().mul(-1 / 32);
});
const step = jit((params, x, y) => {
  const [loss, grads] = lossAndGradient(tree.ref(params), x, y);
  return [loss, tree.map((p, g) => p.sub(g.mul(1e-3)), params, grads)];
});
const [loss] = step(params, np.ones([32, 784]), np.zeros([32]).astype("int32"));
await loss.data();
Deno.exit();
