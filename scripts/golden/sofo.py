"""SOFO and SOFOScan in float64: a transcription of the formula with jax.jvp, with
directions that both sides compute (`wave`), so that no random numbers matter.

    python scripts/golden/sofo.py

writes tests/golden/sofo.json. jax 0.10.2.
"""
import json
import math
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)

OUT = pathlib.Path(__file__).parents[2] / "tests/golden/sofo.json"
STEPS = 8


def wave(shape, seed):
    """The same numbers as `wave` in tests/optim/sofo_test.ts."""
    size = math.prod(shape)
    return np.array(
        [math.sin(seed + 1.7 * i + 0.3 * i * i) for i in range(size)]
    ).reshape(shape)


def tangents(shapes, count, step):
    """Directions of norm 1: parameter j has the seed 10 step + j."""
    v = {
        name: wave([count, *shape], 10 * step + j)
        for j, (name, shape) in enumerate(shapes.items())
    }
    squares = sum((x.reshape(count, -1) ** 2).sum(1) for x in v.values())
    return {
        name: x / np.sqrt(squares).reshape(-1, *[1] * (x.ndim - 1))
        for name, x in v.items()
    }


def direction(predict, loss_fn, params, v, kind, damping):
    count = next(iter(v.values())).shape[0]
    along = [
        jax.jvp(predict, (params,), ({n: jnp.array(x[i]) for n, x in v.items()},))
        for i in range(count)
    ]
    z = along[0][0]
    t = np.stack([np.array(d) for _, d in along])  # [count, samples, outputs]
    loss, g = jax.value_and_grad(loss_fn)(z)
    b = np.einsum("kso,so->k", t, np.array(g))
    if kind == "mse":
        h = np.einsum("kso,lso->skl", t, t)
    else:
        p = np.array(jax.nn.softmax(z, -1))
        m = np.einsum("kso,so->ks", t, p)
        h = np.einsum("kso,so,lso->skl", t, p, t) - np.einsum("ks,ls->skl", m, m)
    u, s, _ = np.linalg.svd(h.mean(0))
    s = np.maximum(s + damping * s.max(), np.finfo(np.float32).eps)
    c = (u / s) @ (u.T @ b)
    return {n: np.tensordot(c, x, 1) for n, x in v.items()}, float(loss)


def train(predict, loss_fn, shapes, options):
    params = {
        n: 0.5 * wave(shape, 3 + j) for j, (n, shape) in enumerate(shapes.items())
    }
    velocity = {n: np.zeros(shape) for n, shape in shapes.items()}
    lr, mu = options.get("lr", 1e-3), options.get("momentum", 0)
    losses, values = [], {}
    for step in range(1, STEPS + 1):
        v = tangents(shapes, options.get("tangentSize", 100), step)
        at = {n: jnp.array(x) for n, x in params.items()}
        h, loss = direction(
            predict, loss_fn, at, v, options.get("loss", "mse"),
            options.get("damping", 1e-5),
        )
        losses.append(loss)
        clip = options.get("gradClipNorm")
        norm = math.sqrt(sum((x**2).sum() for x in h.values()))
        for n, u in h.items():
            if clip and norm >= clip:
                u = u * clip / norm
            if mu:
                velocity[n] = mu * velocity[n] + u
                u = velocity[n] * mu + u if options.get("nesterov") else velocity[n]
            params[n] = params[n] - lr * (u + options.get("weightDecay", 0) * params[n])
        if step in (1, STEPS):
            values[step] = {n: x.ravel().tolist() for n, x in params.items()}
    return {"losses": losses, "steps": values}


def mlp(x):
    return lambda p: jnp.tanh(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]


def rnn(h, xs):
    def predict(p):
        state, outputs = h, []
        for x in xs:
            state = jnp.tanh(x @ p["wx"] + state @ p["wh"] + p["b"])
            outputs.append(state @ p["wo"])
        return jnp.concatenate(outputs)

    return predict


MLP = {"w1": [3, 4], "b1": [4], "w2": [4, 2], "b2": [2]}
RNN = {"wx": [2, 3], "wh": [3, 3], "b": [3], "wo": [3, 2]}


def cases():
    x, y = wave([6, 3], 1), wave([6, 2], 2)
    mse = lambda z: jnp.mean((z - y) ** 2)
    for options in [
        {"lr": 0.5, "tangentSize": 5},
        {"lr": 0.2, "tangentSize": 40, "damping": 1e-2},
        {"lr": 0.1, "tangentSize": 6, "momentum": 0.8},
        {"lr": 0.1, "tangentSize": 6, "momentum": 0.8, "nesterov": True},
        {"lr": 0.3, "tangentSize": 6, "weightDecay": 0.2, "gradClipNorm": 0.5},
    ]:
        yield "SOFO", "mse", options, train(mlp(x), mse, MLP, options)
    labels = jnp.eye(2)[jnp.array([0, 1, 1, 0, 1, 0])]
    ce = lambda z: -jnp.mean(jnp.sum(labels * jax.nn.log_softmax(z, -1), -1))
    for options in [
        {"lr": 0.2, "tangentSize": 5, "loss": "ce", "damping": 1e-2},
        {"lr": 0.1, "tangentSize": 30, "loss": "ce", "damping": 1e-2},
    ]:
        yield "SOFO", "ce", options, train(mlp(x), ce, MLP, options)
    xs, ys, h = wave([4, 3, 2], 4), wave([4, 3, 2], 5), 0.1 * wave([3, 3], 6)
    scan = lambda z: jnp.mean((z - ys.reshape(12, 2)) ** 2)
    for options in [
        {"lr": 0.4, "tangentSize": 6, "damping": 1e-3},
        {"lr": 0.2, "tangentSize": 20, "damping": 1e-2, "momentum": 0.5},
    ]:
        yield "SOFOScan", "mse", options, train(rnn(h, xs), scan, RNN, options)


OUT.write_text(json.dumps({
    "by": f"jax {jax.__version__}, float64",
    "cases": [
        {"class": name, "problem": problem, "options": options, **made}
        for name, problem, options, made in cases()
    ],
}, indent=1) + "\n")
