/** Tasks that are no training, in jax-js, by the names that Braintape's have. */
export function otherTask(jax, name) {
  const [kind, ...words] = name.split(" ");
  if (kind === "optimizer") return optimizer(jax, words);
  if (kind === "matMul") return matMul(jax, words);
  if (kind === "convolution" && words[0] === "forward") {
    return convolution(jax, words.slice(1).map(Number));
  }
  throw new Error(`jax-js has nothing for ${name}`);
}

/** AdamW, written out and jitted. */
function optimizer({ jit, numpy: np }, [, count, size]) {
  const list = (x) =>
    Array.from(
      { length: Number(count) },
      () => np.ones([Number(size)]).mul(x),
    );
  const grads = list(0.5);
  let params = list(1), first = list(0), second = list(0), taken = 0;
  const step = jit((params, first, second, grads, corrections) => {
    const out = [[], [], []];
    for (const [i, g] of grads.entries()) {
      const m = first[i].mul(0.9).add(g.ref.mul(0.1));
      const v = second[i].mul(0.999).add(np.square(g).mul(0.001));
      const root = np.sqrt(v.ref.mul(corrections.ref.slice(1))).add(1e-8);
      const update = m.ref.mul(corrections.ref.slice(0)).div(root);
      out[0].push(params[i].mul(1 - 1e-5).sub(update.mul(1e-3)));
      out[1].push(m);
      out[2].push(v);
    }
    corrections.dispose();
    return out;
  });
  return {
    async run(count) {
      for (let i = 0; i < count; i++) {
        taken++;
        const corrections = np.array([
          1 / (1 - 0.9 ** taken),
          1 / (1 - 0.999 ** taken),
        ]);
        const given = grads.map((g) => g.ref);
        [params, first, second] = step(
          params,
          first,
          second,
          given,
          corrections,
        );
      }
      await Promise.all(params.map((param) => param.blockUntilReady()));
    },
  };
}

const repeat = (once) => ({
  async run(count) {
    for (let i = 0; i < count; i++) {
      const out = once();
      await out.blockUntilReady();
      out.dispose();
    }
  },
});

/** Numbers below one. */
function noise(np, shape) {
  const size = shape.reduce((product, n) => product * n, 1);
  const values = Float32Array.from({ length: size }, (_, i) => Math.sin(i));
  return np.array(values).reshape(shape);
}

function matMul({ jit, numpy: np }, [m, n, k, transposes, batch]) {
  const [M, N, K] = [m, n, k].map(Number);
  const [left, right] = [...transposes].map((letter) => letter === "T");
  const many = batch ? [Number(batch)] : [];
  const a = noise(np, [...many, ...(left ? [K, M] : [M, K])]);
  const b = noise(np, [...many, ...(right ? [N, K] : [K, N])]);
  const turn = (x, isTurned) => isTurned ? np.matrixTranspose(x) : x;
  const product = jit((a, b) => np.matmul(turn(a, left), turn(b, right)));
  return repeat(() => product(a.ref, b.ref));
}

function convolution(
  { jit, lax, numpy: np },
  [batch, size, channels, kernel, outs],
) {
  const x = noise(np, [batch, channels, size, size]);
  const filter = noise(np, [outs, channels, kernel, kernel]);
  const same = jit((x, filter) =>
    lax.convGeneralDilated(x, filter, [1, 1], "SAME")
  );
  return repeat(() => same(x.ref, filter.ref));
}
