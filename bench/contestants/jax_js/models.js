/**
 * The workloads' losses in jax-js: of weights by path, a batch and its labels. A call
 * frees the arrays that it is given, unless `ref` is taken.
 */
export function losses({ lax, nn, numpy: np }) {
  const dense = (x, w, path) =>
    np.dot(x, w[`${path}.weight`]).add(w[`${path}.bias`]);

  function crossEntropy(scores, labels) {
    const [rows, classes] = scores.shape;
    const chosen = nn.logSoftmax(scores).mul(nn.oneHot(labels, classes));
    return chosen.sum().mul(-1 / rows);
  }

  function mlp(w, x, y) {
    const layers = Object.keys(w).length / 2;
    for (let i = 0; i < layers; i++) {
      x = dense(x, w, `layers.${i}`);
      if (i + 1 < layers) x = nn.relu(x);
    }
    return crossEntropy(x, y);
  }

  function cnn(w, x, y) {
    for (const path of ["first", "second"]) {
      const seen = lax.convGeneralDilated(
        x,
        w[`${path}.weight`],
        [1, 1],
        "VALID",
      )
        .add(w[`${path}.bias`]);
      x = nn.relu(lax.reduceWindow(seen, np.max, [2, 2], [2, 2]));
    }
    const hidden = nn.relu(dense(x.reshape([x.shape[0], -1]), w, "hidden"));
    return crossEntropy(dense(hidden, w, "out"), y);
  }

  function lstm(w, x, y) {
    const [batch, steps, size] = x.shape, [hidden] = w["out.weight"].shape;
    const weight = w["rnn.cell.gates.weight"];
    const ofInput = weight.ref.slice([0, size]);
    const ofState = weight.slice([size, size + hidden]);
    const inputs = np.dot(x.reshape([-1, size]), ofInput)
      .add(w["rnn.cell.gates.bias"]).reshape([batch, steps, 4 * hidden]);
    let h = np.zeros([batch, hidden]), c = np.zeros([batch, hidden]);
    for (const input of np.split(inputs, steps, 1)) {
      const all = input.reshape([batch, 4 * hidden]).add(
        np.dot(h, ofState.ref),
      );
      const [i, g, f, o] = np.split(all, 4, 1);
      c = nn.sigmoid(f.add(1)).mul(c).add(nn.sigmoid(i).mul(np.tanh(g)));
      h = nn.sigmoid(o).mul(np.tanh(c.ref));
    }
    c.dispose();
    ofState.dispose();
    return crossEntropy(dense(h, w, "out"), y);
  }

  /** 1 where the potential is above 1; its gradient is that of the smooth part. */
  function spike(v) {
    const smooth = np.arctan(v.ref.sub(1).mul(Math.PI)).mul(1 / Math.PI);
    const sharp = np.where(np.greater(v, 1), 1, 0);
    return lax.stopGradient(sharp.sub(smooth.ref)).add(smooth);
  }

  function snn(w, x, y) {
    const [batch, steps, size] = x.shape;
    const recurrent = w["recurrent.weight"], [hidden] = recurrent.shape;
    const currents = dense(x.reshape([-1, size]), w, "input")
      .reshape([batch, steps, hidden]);
    let v = np.zeros([batch, hidden]), s = np.zeros([batch, hidden]);
    let rate = np.zeros([batch, hidden]);
    for (const current of np.split(currents, steps, 1)) {
      const all = current.reshape([batch, hidden])
        .add(np.dot(s.ref, recurrent.ref));
      v = v.mul(0.9).add(all.mul(0.4)).sub(s);
      s = spike(v.ref);
      rate = rate.add(s.ref);
    }
    v.dispose();
    s.dispose();
    recurrent.dispose();
    return crossEntropy(dense(rate.mul(1 / steps), w, "out"), y);
  }

  function layerNorm(x, gain) {
    const centered = x.ref.sub(x.mean(-1, { keepdims: true }));
    const variance = np.square(centered.ref).mean(-1, { keepdims: true });
    return centered.div(np.sqrt(variance.add(1e-5))).mul(gain);
  }

  function gpt(w, x, y) {
    const [batch, time] = x.shape, heads = 4;
    const [characters, width] = w["characters.weight"].shape;
    const size = width / heads;
    const hidden = np.tril(np.ones([time, time])).sub(1).mul(1e9);
    const rows = nn.oneHot(x.reshape([-1]), characters);
    let h = np.dot(rows, w["characters.weight"].ref)
      .reshape([batch, time, width]).add(w["positions.weight"])
      .reshape([batch * time, width]);
    for (let i = 0; `blocks.${i}.norm1.weight` in w; i++) {
      const of = (path) => w[`blocks.${i}.${path}.weight`];
      const joined = np.dot(
        layerNorm(h.ref, of("norm1")),
        of("attention.joined"),
      )
        .reshape([batch, time, 3, heads, size]).transpose([2, 0, 3, 1, 4]);
      const [q, k, v] = np.split(joined, 3, 0)
        .map((part) => part.reshape([batch, heads, time, size]));
      const scores = np.matmul(q, k.transpose([0, 1, 3, 2]))
        .mul(1 / Math.sqrt(size)).add(hidden.ref);
      const mixed = np.matmul(nn.softmax(scores, -1), v)
        .transpose([0, 2, 1, 3]).reshape([batch * time, width]);
      h = h.add(np.dot(mixed, of("attention.out")));
      const wide = np.dot(layerNorm(h.ref, of("norm2")), of("expand"));
      const bent = nn.gelu(wide, { approximate: true });
      h = h.add(np.dot(bent, of("contract")));
    }
    hidden.dispose();
    const last = layerNorm(h, w["norm.weight"]);
    const scores = np.dot(last, w["characters.weight"].transpose());
    return crossEntropy(scores, y.reshape([-1]));
  }

  return { tiny: mlp, mlp, cnn, lstm, snn, gpt };
}
