"""JAX's training step, the whole of it in one jit: jax_steps.py WORKLOAD jit THREADS."""
import functools
import json
import os
import sys
import time

# So many that no model learns them by heart: denormal gradients are slow.
BATCHES = 128

workload, threads = sys.argv[1], int(sys.argv[3])
if threads == 1:  # XLA makes as many threads as it may use CPUs
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
import jax
import jax.numpy as jnp
import numpy as np
import optax

numbers = np.random.default_rng(1)


def weights(*shape):
    bound = np.prod(shape[:-1]) ** -0.5
    return jnp.asarray(numbers.uniform(-bound, bound, shape), jnp.float32)


def layers(*sizes):
    return [(weights(a, b), jnp.zeros(b)) for a, b in zip(sizes, sizes[1:])]


def mlp(p, x):
    for w, b in p[:-1]:
        x = jax.nn.relu(x @ w + b)
    return x @ p[-1][0] + p[-1][1]


def cnn(p, x):
    for w, b in p[0]:
        x = jax.lax.conv_general_dilated(
            x, w, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jax.lax.reduce_window(
            x + b, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        x = jax.nn.relu(x)
    return mlp(p[1], x.reshape(len(x), -1))


def lstm(p, x):
    (w, b), (u, _), out = p
    inputs = x.transpose(1, 0, 2) @ w + b

    def cell(carry, x):
        h, c = carry
        i, f, g, o = jnp.split(x + h @ u, 4, 1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    zero = jnp.zeros((len(x), 128))
    (h, _), _ = jax.lax.scan(cell, (zero, zero), inputs)
    return h @ out[0] + out[1]


WORKLOADS = {
    "tiny": (mlp, lambda: layers(32, 32, 32, 32, 32), (8, 32), 32),
    "mlp": (mlp, lambda: layers(784, 256, 128, 10), (32, 784), 10),
    "cnn": (cnn, lambda: [
        [(weights(5, 5, 1, 24), jnp.zeros(24)), (weights(3, 3, 24, 32), jnp.zeros(32))],
        layers(800, 128, 10),
    ], (32, 28, 28, 1), 10),
    "lstm": (lstm, lambda: [*layers(32, 512), *layers(128, 512), *layers(128, 10)],
             (32, 64, 32), 10),
}
model, make, shape, classes = WORKLOADS[workload]
xs = [jnp.asarray(numbers.standard_normal(shape), jnp.float32) for _ in range(BATCHES)]
ys = [jnp.asarray(numbers.integers(classes, size=shape[0])) for _ in range(BATCHES)]
adam = optax.adam(1e-3)


def loss(p, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(model(p, x), y).mean()


@functools.partial(jax.jit, donate_argnums=(0, 1))
def step(p, s, x, y):
    value, gradient = jax.value_and_grad(loss)(p, x, y)
    update, s = adam.update(gradient, s, p)
    return optax.apply_updates(p, update), s, value


p = make()
s = adam.init(p)
p, s, value = step(p, s, xs[0], ys[0])
value.block_until_ready()
print(json.dumps({"name": f"jax {jax.__version__} jit"}), flush=True)
for line in sys.stdin:
    cpu, wall = time.process_time(), time.perf_counter()
    for i in range(int(line)):
        p, s, value = step(p, s, xs[i % BATCHES], ys[i % BATCHES])
    jax.block_until_ready((p, s, value))
    print(json.dumps({
        "cpu": 1e3 * (time.process_time() - cpu),
        "wall": 1e3 * (time.perf_counter() - wall),
    }), flush=True)
