/** The workloads' models in stock tfjs: from weights by path and a batch to scores. */
export function models(tf) {
  const dense = (x, w, path) =>
    tf.add(tf.matMul(x, w[`${path}.weight`]), w[`${path}.bias`]);

  function mlp(w, x) {
    const layers = Object.keys(w).length / 2;
    for (let i = 0; i < layers; i++) {
      x = dense(x, w, `layers.${i}`);
      if (i + 1 < layers) x = tf.relu(x);
    }
    return x;
  }

  function cnn(w, x) {
    for (const path of ["first", "second"]) {
      const y = tf.conv2d(x, w[`${path}.weight`], 1, "valid");
      const pooled = tf.maxPool(tf.add(y, w[`${path}.bias`]), 2, 2, "valid");
      x = tf.relu(pooled);
    }
    const hidden = tf.relu(dense(tf.reshape(x, [x.shape[0], -1]), w, "hidden"));
    return dense(hidden, w, "out");
  }

  function lstm(w, x) {
    const cell = "rnn.cell.gates", hidden = w["out.weight"].shape[0];
    let h = tf.zeros([x.shape[0], hidden]), c = h;
    for (const input of tf.unstack(x, 1)) {
      const gates = tf.split(dense(tf.concat([input, h], 1), w, cell), 4, 1);
      const [i, g, f, o] = gates;
      const forget = tf.sigmoid(tf.add(f, 1));
      c = tf.add(tf.mul(forget, c), tf.mul(tf.sigmoid(i), tf.tanh(g)));
      h = tf.mul(tf.sigmoid(o), tf.tanh(c));
    }
    return dense(h, w, "out");
  }

  const spike = tf.customGrad((v, save) => {
    save([v]);
    return {
      value: tf.cast(tf.greater(v, 1), "float32"),
      gradFunc: (dy, [v]) =>
        tf.div(dy, tf.add(1, tf.square(tf.mul(Math.PI, tf.sub(v, 1))))),
    };
  });

  function snn(w, x) {
    const [batch, steps, size] = x.shape;
    const flat = dense(tf.reshape(x, [-1, size]), w, "input");
    const currents = tf.unstack(tf.reshape(flat, [batch, steps, -1]), 1);
    let v = tf.zeros(currents[0].shape), s = v, rate = v;
    for (const current of currents) {
      const all = tf.add(current, tf.matMul(s, w["recurrent.weight"]));
      v = tf.sub(tf.add(tf.mul(v, 0.9), tf.mul(all, 0.4)), s);
      s = spike(v);
      rate = tf.add(rate, s);
    }
    return dense(tf.div(rate, steps), w, "out");
  }

  function layerNorm(x, gain) {
    const centered = tf.sub(x, tf.mean(x, -1, true));
    const variance = tf.mean(tf.square(centered), -1, true);
    return tf.mul(tf.mul(centered, tf.rsqrt(tf.add(variance, 1e-5))), gain);
  }

  function gelu(x) {
    const cubic = tf.mul(0.044715, tf.mul(x, tf.square(x)));
    const inner = tf.mul(Math.sqrt(2 / Math.PI), tf.add(x, cubic));
    return tf.mul(tf.mul(0.5, x), tf.add(1, tf.tanh(inner)));
  }

  /** tfjs' `gather` has no gradient on WASM: an embedding is a product with one-hot rows. */
  function gpt(w, x) {
    const [batch, time] = x.shape, heads = 4;
    const [characters, width] = w["characters.weight"].shape;
    const lower = tf.linalg.bandPart(tf.ones([time, time]), -1, 0);
    const hidden = tf.mul(-1e9, tf.sub(1, lower));
    // Asking oneHot itself for floats gives other numbers on WASM.
    const ones = tf.oneHot(tf.reshape(x, [-1]), characters);
    const rows = tf.cast(ones, "float32");
    const content = tf.matMul(rows, w["characters.weight"]);
    const placed = tf.add(
      tf.reshape(content, [batch, time, width]),
      w["positions.weight"],
    );
    let y = tf.reshape(placed, [batch * time, width]);
    const size = width / heads;
    const toHeads = (x) =>
      tf.transpose(tf.reshape(x, [batch, time, heads, size]), [0, 2, 1, 3]);
    for (let i = 0; `blocks.${i}.norm1.weight` in w; i++) {
      const of = (path) => w[`blocks.${i}.${path}.weight`];
      const joined = tf.matMul(
        layerNorm(y, of("norm1")),
        of("attention.joined"),
      );
      const [q, k, v] = tf.split(joined, 3, 1).map(toHeads);
      const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(size));
      const mixed = tf.matMul(tf.softmax(tf.add(scores, hidden)), v);
      const back = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), y.shape);
      y = tf.add(y, tf.matMul(back, of("attention.out")));
      const wide = gelu(tf.matMul(layerNorm(y, of("norm2")), of("expand")));
      y = tf.add(y, tf.matMul(wide, of("contract")));
    }
    const last = layerNorm(y, w["norm.weight"]);
    return tf.matMul(last, w["characters.weight"], false, true);
  }

  return { tiny: mlp, mlp, cnn, lstm, snn, gpt };
}
