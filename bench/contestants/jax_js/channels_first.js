/** The CNN's arrays as jax-js has them: `[N, C, H, W]`, filters `[out, in, h, w]`. */
export function channelsFirst(stored) {
  const column = ({ data, shape }) => ({ data, shape: [...shape, 1, 1] });
  const flat = stored["hidden.weight"], [, channels] = lastTwo(stored);
  const side = Math.sqrt(flat.shape[0] / channels), outs = flat.shape[1];
  const places = { data: flat.data, shape: [side, side, channels, outs] };
  return {
    ...stored,
    x: permute(stored.x, [0, 1, 4, 2, 3]),
    "first.weight": permute(stored["first.weight"], [3, 2, 0, 1]),
    "first.bias": column(stored["first.bias"]),
    "second.weight": permute(stored["second.weight"], [3, 2, 0, 1]),
    "second.bias": column(stored["second.bias"]),
    "hidden.weight": {
      data: permute(places, [2, 0, 1, 3]).data,
      shape: flat.shape,
    },
  };
}

/** The channels that go into the second convolution, and come out of it. */
function lastTwo(stored) {
  return stored["second.weight"].shape.slice(2);
}

/** The array with its dimensions in another order. */
function permute({ data, shape }, order) {
  const strides = shape.map((_, i) =>
    shape.slice(i + 1).reduce((product, n) => product * n, 1)
  );
  const to = order.map((i) => shape[i]), steps = order.map((i) => strides[i]);
  const out = new data.constructor(data.length);
  let next = 0;
  const fill = (at, depth) => {
    if (depth === to.length) {
      out[next++] = data[at];
      return;
    }
    for (let i = 0; i < to[depth]; i++) fill(at + i * steps[depth], depth + 1);
  };
  fill(0, 0);
  return { data: out, shape: to };
}
