"""JAX and optax as a contestant, all in one jit: jax_tasks.py THREADS FOLDER."""
import functools
import os
import re
import sys

threads, folder = int(sys.argv[1]), sys.argv[2]
if threads == 1:  # XLA makes as many threads as it may use CPUs
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
import jax
import jax.numpy as jnp
import optax

from serve import read_workload, serve

relu, sigmoid = jax.nn.relu, jax.nn.sigmoid


def dense(x, w, path):
    return x @ w[f"{path}.weight"] + w[f"{path}.bias"]


def mlp(w, x):
    layers = len(w) // 2
    for i in range(layers):
        x = dense(x, w, f"layers.{i}")
        x = relu(x) if i + 1 < layers else x
    return x


def cnn(w, x):
    for path in ("first", "second"):
        x = jax.lax.conv_general_dilated(
            x, w[f"{path}.weight"], (1, 1), "VALID",
            dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jax.lax.reduce_window(
            x + w[f"{path}.bias"], -jnp.inf, jax.lax.max,
            (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        x = relu(x)
    return dense(relu(dense(x.reshape(len(x), -1), w, "hidden")), w, "out")


def lstm(w, x):
    size, hidden = x.shape[2], len(w["out.weight"])
    weight, bias = w["rnn.cell.gates.weight"], w["rnn.cell.gates.bias"]
    inputs = x.transpose(1, 0, 2) @ weight[:size] + bias

    def cell(carry, x):
        h, c = carry
        i, g, f, o = jnp.split(x + h @ weight[size:], 4, 1)
        c = sigmoid(f + 1) * c + sigmoid(i) * jnp.tanh(g)
        return (sigmoid(o) * jnp.tanh(c), c), None

    zero = jnp.zeros((len(x), hidden))
    (h, _), _ = jax.lax.scan(cell, (zero, zero), inputs)
    return dense(h, w, "out")


@jax.custom_vjp
def spike(v):
    return (v > 1).astype(v.dtype)


spike.defvjp(
    lambda v: (spike(v), v),
    lambda v, dy: (dy / (1 + (jnp.pi * (v - 1)) ** 2),),
)


def snn(w, x):
    currents = dense(x, w, "input").transpose(1, 0, 2)

    def cell(carry, current):
        v, s, rate = carry
        v = 0.9 * v + 0.4 * (current + s @ w["recurrent.weight"]) - s
        s = spike(v)
        return (v, s, rate + s), None

    zero = jnp.zeros(currents.shape[1:])
    (_, _, rate), _ = jax.lax.scan(cell, (zero, zero, zero), currents)
    return dense(rate / x.shape[1], w, "out")


def norm(x, gain):
    centered = x - x.mean(-1, keepdims=True)
    variance = (centered * centered).mean(-1, keepdims=True)
    return centered * jax.lax.rsqrt(variance + 1e-5) * gain


def gpt(w, x):
    batch, time = x.shape
    hidden = jnp.where(jnp.tril(jnp.ones((time, time), bool)), 0.0, -1e9)
    h = w["characters.weight"][x] + w["positions.weight"]
    for i in range(sum(path.endswith("norm1.weight") for path in w)):
        of = {
            path: w[f"blocks.{i}.{path}.weight"]
            for path in ("norm1", "attention.joined", "attention.out", "norm2",
                         "expand", "contract")
        }
        joined = norm(h, of["norm1"]) @ of["attention.joined"]
        q, k, v = (
            part.reshape(batch, time, 4, -1).transpose(0, 2, 1, 3)
            for part in jnp.split(joined, 3, -1)
        )
        scores = q @ k.transpose(0, 1, 3, 2) / q.shape[-1] ** 0.5 + hidden
        mixed = (jax.nn.softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(h.shape)
        h = h + mixed @ of["attention.out"]
        wide = jax.nn.gelu(norm(h, of["norm2"]) @ of["expand"], approximate=True)
        h = h + wide @ of["contract"]
    scores = norm(h, w["norm.weight"]) @ w["characters.weight"].T
    return scores.reshape(batch * time, -1)


MODELS = {"tiny": mlp, "mlp": mlp, "cnn": cnn, "lstm": lstm, "snn": snn, "gpt": gpt}


def training(workload):
    stored = {k: jnp.asarray(v) for k, v in read_workload(folder, workload).items()}
    xs, ys = list(stored.pop("x")), [y.reshape(-1) for y in stored.pop("y")]
    model = MODELS[re.sub(r"\d+$", "", workload)]
    if workload == "gpt":
        is_matrix = functools.partial(jax.tree.map, lambda p: p.ndim > 1)
        tx = optax.chain(
            optax.clip_by_global_norm(1.0),
            optax.adamw(1e-3, 0.9, 0.99, weight_decay=0.1, mask=is_matrix))
    else:
        tx = optax.adam(1e-3)

    def loss(w, x, y):
        scores = model(w, x)
        return optax.softmax_cross_entropy_with_integer_labels(scores, y).mean()

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def whole(w, state, x, y):
        value, grads = jax.value_and_grad(loss)(w, x, y)
        updates, state = tx.update(grads, state, w)
        return optax.apply_updates(w, updates), state, value

    now, taken = (stored, tx.init(stored)), 0

    def step():
        nonlocal now, taken
        i = taken % len(xs)
        taken += 1
        *now, value = whole(*now, xs[i], ys[i])
        return value

    def run(count):
        for _ in range(count):
            last = step()
        jax.block_until_ready((now, last))

    return lambda: [float(step()) for _ in range(3)], run


def optimizer(kind, count, size):
    params = [jnp.ones(int(size)) for _ in range(int(count))]
    grads = [jnp.full_like(param, 0.5) for param in params]
    tx = getattr(optax, kind.lower())(1e-3)
    now = (params, tx.init(params))

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def step(params, state, grads):
        updates, state = tx.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    def run(count):
        nonlocal now
        for _ in range(count):
            now = step(*now, grads)
        jax.block_until_ready(now)

    return lambda: [], run


def repeat(fn, *args):
    fn = jax.jit(fn)

    def run(count):
        for _ in range(count):
            fn(*args).block_until_ready()

    return lambda: [], run


def noise(*shape):
    return jax.random.normal(jax.random.key(0), shape)


def mat_mul(m, n, k, transposes, batch=None):
    many = [] if batch is None else [int(batch)]
    m, n, k = int(m), int(n), int(k)
    left, right = (letter == "T" for letter in transposes)
    a = noise(*many, *((k, m) if left else (m, k)))
    b = noise(*many, *((n, k) if right else (k, n)))
    turn = lambda x, is_turned: jnp.matrix_transpose(x) if is_turned else x
    return repeat(lambda a, b: turn(a, left) @ turn(b, right), a, b)


def convolve(what, batch, size, channels, kernel, outs):
    x, weight = noise(batch, size, size, channels), noise(kernel, kernel, channels, outs)

    def forward(x, weight):
        return jax.lax.conv_general_dilated(
            x, weight, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    if what == "forward":
        return repeat(forward, x, weight)
    place, dy = ("input", "filter").index(what), noise(batch, size, size, outs)
    return repeat(lambda x, weight, dy: jax.vjp(forward, x, weight)[1](dy)[place],
                  x, weight, dy)


def make(name):
    kind, *words = name.split(" ")
    if kind == "train":
        return training(words[0])
    if kind == "optimizer":
        return optimizer(*words)
    if kind == "matMul":
        return mat_mul(*words)
    if kind == "convolution":
        return convolve(words[0], *map(int, words[1:]))
    raise ValueError(f"JAX has nothing for {name}")


serve(f"jax {jax.__version__}", make)
