"""Trajectories of every optimizer in float64, by torch, optax, or the paper.

Run with torch 2.13.0, optax 0.2.8, pytorch_optimizer 4.1, schedulefree 1.4,
keras 3.15, prodigyopt 1.1 and dadaptation 3.2; writes tests/golden/optimizers.json:

    python scripts/golden/optimizers.py          # every class
    python scripts/golden/optimizers.py Tiger    # one class; others stay as they are

Gradients and starts are formulas, which tests/optim/_problem.ts repeats. Where no
library has the chosen rule, a transcription of the paper does: these cases say so
in "by". Sign rules (Lion, Rprop, Yogi) are checked here to stay clear of zero.
"""

import contextlib
import json
import math
import os
import pathlib
import sys

import dadaptation
import jax
import jax.numpy as jnp
import numpy as np
import optax
import prodigyopt
import pytorch_optimizer
import schedulefree
import torch

jax.config.update("jax_enable_x64", True)

STEPS = 60
RECORDED = [1, 2, 5, 20, 60]
SHAPES = {
    "scalar": (),
    "one": (1,),
    "vector": (7,),
    "matrix": (3, 5),
    "zero": (4,),
    "tiny": (5,),
}
BIG = {"big": (130, 140)}
PERIOD = 97  # so that sign rules meet few different numbers in the big matrix
SHOWN = [0, 1, 96, 97, 5000, 9999, 18198, 18199]


def start(name, shape):
    n = math.prod(shape)
    p = list({**SHAPES, **BIG}).index(name)
    x = np.array([math.sin(0.5 + 1.7 * (i % PERIOD) + p) for i in range(n)])
    scale = {"zero": 0.0, "tiny": 1e-6}.get(name, 1.0)
    return np.float64(np.float32(x * scale)).reshape(shape)


def gradient(name, shape, k):
    """The gradient of step k = 1, 2, ...: never near 0, but for one element."""
    n = math.prod(shape)
    p = list({**SHAPES, **BIG}).index(name)
    g = []
    for i in range(n):
        x = math.sin(1.3 * k + 0.7 * (i % PERIOD) + 0.4 * p)
        g.append(x + math.copysign(0.1, x))
    if name == "vector":
        g[3] = 0.0
    return np.float64(np.float32(np.array(g))).reshape(shape)


def is_of_function(name, options):
    """Whether gradients are those of a quadratic at the parameters.

    L-BFGS wants a function. The estimates of Prodigy and D-Adaptation grow with one
    only; from a start `d0` of 1e-6, errors of float32 grow as they do.
    """
    return name == "LBFGS" or "d0" in options


def quadratic(x):
    """The gradient of a quadratic at `x`."""
    i = np.arange(x.size).reshape(x.shape)
    return (0.5 + 0.25 * (i % 7)) * (x - np.cos(i))


class Torch:
    by = "torch"

    def __init__(self, cls, **options):
        self.make = lambda params: cls(params, **options)

    def begin(self, params):
        self.params = {
            k: torch.tensor(v, dtype=torch.float64, requires_grad=True)
            for k, v in params.items()
        }
        self.optimizer = self.make(list(self.params.values()))

    def step(self, grads):
        for k, x in self.params.items():
            x.grad = torch.tensor(grads[k], dtype=torch.float64)
        self.optimizer.step()
        return {k: x.detach().numpy().copy() for k, x in self.params.items()}


class Package(Torch):
    """An optimizer for torch of another package."""

    def __init__(self, cls, **options):
        super().__init__(cls, **options)
        self.by = cls.__module__.partition(".")[0]


class Keras:
    by = "keras"

    def __init__(self, name, lr, **options):
        os.environ["KERAS_BACKEND"] = "torch"
        import keras

        keras.config.set_floatx("float64")
        self.keras = keras
        make = getattr(keras.optimizers, name)
        self.optimizer = make(learning_rate=lr, **options)
        # Not the rate in float32, which its variable holds.
        self.update = lambda g, v: self.optimizer.update_step(g, v, lr)

    def begin(self, params):
        self.variables = {
            k: self.keras.Variable(v, dtype="float64") for k, v in params.items()
        }
        self.optimizer.build(list(self.variables.values()))

    def step(self, grads):
        for k, variable in self.variables.items():
            self.update(torch.tensor(grads[k], dtype=torch.float64), variable)
        return {
            k: v.value.detach().numpy().copy() for k, v in self.variables.items()
        }


class Estimated(Package):
    """With the Hessian of tests/optim/_optimizers.ts every so many steps."""

    def __init__(self, cls, period, **options):
        super().__init__(cls, **options)
        self.period, self.t = period, 0

    def begin(self, params):
        super().begin(params)
        self.t = 0

    def step(self, grads):
        for k, x in self.params.items():
            x.grad = torch.tensor(grads[k], dtype=torch.float64)
        curvature = lambda x: (1 + torch.arange(x.numel()) % 7).double().reshape(x.shape)
        is_due = self.t % self.period == 0
        hessian = [curvature(x) for x in self.params.values()] if is_due else None
        self.t += 1
        self.optimizer.step(hessian=hessian)
        return {k: x.detach().numpy().copy() for k, x in self.params.items()}


class Projected(Package):
    """GaLore, which projects the matrix: from its first step on as its authors count, and
    with singular vectors in float64."""

    def __init__(self, rank, gap, scale, **options):
        own = {"rank": rank, "update_proj_gap": gap, "scale": scale,
               "projection_type": "std"}
        super().__init__(pytorch_optimizer.GaLore, **options)
        self.make = lambda params: pytorch_optimizer.GaLore(
            [{"params": [p for p in params if p.shape == (3, 5)], **own},
             {"params": [p for p in params if p.shape != (3, 5)]}],
            foreach=False, **options)

    def step(self, grads):
        projector = pytorch_optimizer.optimizer.utils.galore.GaLoreProjector
        project, narrow = projector.project, torch.Tensor.float
        projector.project = lambda self, g, step: project(self, g, step - 1)
        torch.Tensor.float = torch.Tensor.clone
        try:
            return super().step(grads)
        finally:
            projector.project, torch.Tensor.float = project, narrow


class Optax:
    by = "optax"

    def __init__(self, *parts, scalars_as_vectors=False):
        self.tx = optax.chain(*parts)
        self.lift = scalars_as_vectors

    def begin(self, params):
        self.shapes = {k: v.shape for k, v in params.items()}
        self.params = self._lifted(params)
        self.state = self.tx.init(self.params)
        self.update = jax.jit(self.tx.update)

    def _lifted(self, tree):
        shape = lambda v: (1,) if self.lift and v.shape == () else v.shape
        return {k: jnp.asarray(v).reshape(shape(v)) for k, v in tree.items()}

    def step(self, grads):
        grads = self._lifted(grads)
        updates, self.state = self.update(grads, self.state, self.params)
        self.params = optax.apply_updates(self.params, updates)
        return {
            k: np.array(v).reshape(self.shapes[k]) for k, v in self.params.items()
        }


class Paper:
    """`rule(g, p, s, t)` changes the slots `s` of one parameter, returns the new p."""

    by = "transcription"

    def __init__(self, rule):
        self.rule = rule

    def begin(self, params):
        self.params = {k: v.copy() for k, v in params.items()}
        self.slots = {k: {} for k in params}
        self.t = 0

    def step(self, grads):
        self.t += 1
        for k, p in self.params.items():
            self.params[k] = self.rule(grads[k], p, self.slots[k], self.t)
        return {k: v.copy() for k, v in self.params.items()}


def mars_adamw(lr, eps=1e-8, betas=(0.95, 0.99), plain=(0.9, 0.95), gamma=0.025):
    def rule(g, p, s, t):
        b1, b2 = betas if p.ndim > 1 else plain
        c = g
        if p.ndim > 1:
            c = g + gamma * b1 / (1 - b1) * (g - s.get("last", 0))
            c = c / max(1, norm(c))
        s["last"] = g
        s["m"] = b1 * s.get("m", 0) + (1 - b1) * c
        s["v"] = b2 * s.get("v", 0) + (1 - b2) * c * c
        u = s["m"] / (1 - b1**t) / (np.sqrt(s["v"] / (1 - b2**t)) + eps)
        return p - lr * u

    return rule


class Cautious:
    """Keeps of another's steps what goes down the gradient, as timm does."""

    by = "transcription"

    def __init__(self, inner, lr=0.0, weight_decay=0.0):
        self.inner, self.shrink = inner, lr * weight_decay

    def begin(self, params):
        self.inner.begin(params)
        self.params = {k: v.copy() for k, v in params.items()}

    def step(self, grads):
        before = {k: np.array(v) for k, v in self.inner.params.items()}
        after = self.inner.step(grads)
        for k, p in self.params.items():
            u = after[k] - before[k].reshape(p.shape)
            kept = (u * grads[k] < 0).astype(np.float64)
            p = p * (1 - self.shrink) + u * kept / max(kept.mean(), 1e-3)
            self.params[k] = p
        return {k: v.copy() for k, v in self.params.items()}


def outputs_last(tx):
    """`tx`, of gradients with the axis of outputs in front."""
    move = lambda tree, *axes: {k: jnp.moveaxis(x, *axes) if x.ndim else x
                                for k, x in tree.items()}

    def update(updates, state, params=None):
        new, state = tx.update(move(updates, -1, 0), state)
        return move(new, 0, -1), state

    return optax.GradientTransformation(tx.init, update)


class Clipped:
    """Clips as optax does, by the norm and then by value, before another."""

    def __init__(self, inner, norm=None, value=None):
        self.inner, self.norm, self.value = inner, norm, value
        self.by = inner.by

    def begin(self, params):
        self.inner.begin(params)

    def step(self, grads):
        if self.norm:
            n = math.sqrt(sum((g * g).sum() for g in grads.values()))
            if n >= self.norm:
                grads = {k: g / n * self.norm for k, g in grads.items()}
        if self.value:
            grads = {k: np.clip(g, -self.value, self.value) for k, g in grads.items()}
        return self.inner.step(grads)


def norm(x):
    return math.sqrt((x * x).sum())


class Parts:
    """Matrices by one reference, all else by another."""

    def __init__(self, matrices, rest):
        self.parts = {True: matrices, False: rest}
        self.by = matrices.by

    def _split(self, values, is_matrix):
        return {k: v for k, v in values.items() if (v.ndim > 1) == is_matrix}

    def begin(self, params):
        for is_matrix, part in self.parts.items():
            part.begin(self._split(params, is_matrix))

    def step(self, grads):
        params = {}
        for is_matrix, part in self.parts.items():
            params.update(part.step(self._split(grads, is_matrix)))
        return {k: params[k] for k in grads}


class Transposed:
    """Matrices `[in, out]` for a reference that has them as `[out, in]`."""

    def __init__(self, inner):
        self.inner, self.by = inner, inner.by

    def begin(self, params):
        self.inner.begin({k: v.T.copy() for k, v in params.items()})

    def step(self, grads):
        params = self.inner.step({k: v.T.copy() for k, v in grads.items()})
        return {k: v.T.copy() for k, v in params.items()}


def float64_muon(params, **options):
    """torch.optim.Muon, whose iterations are in bfloat16, in float64."""
    optimizer = torch.optim.Muon(params, **options)
    step = optimizer.step

    def in_float64():
        narrow, torch.Tensor.bfloat16 = torch.Tensor.bfloat16, torch.Tensor.clone
        try:
            step()
        finally:
            torch.Tensor.bfloat16 = narrow

    optimizer.step = in_float64
    return optimizer


def muon(lr=0.01, decay=0.1, adam_lr=None, betas=(0.9, 0.999), adam_eps=1e-8,
         **options):
    return Parts(
        Transposed(Torch(float64_muon, lr=lr, weight_decay=decay, **options)),
        Torch(torch.optim.AdamW, lr=adam_lr or lr, betas=betas, eps=adam_eps,
              weight_decay=decay))


def in_training(cls):
    """An optimizer that starts in the other mode."""

    def make(params, **options):
        optimizer = cls(params, **options)
        with contextlib.redirect_stdout(None):
            optimizer.train()
        return optimizer

    make.__module__ = cls.__module__
    return make


def amsgrad(lr, betas=(0.9, 0.999), eps=1e-8, coupled=0.0, decoupled=0.0):
    b1, b2 = betas

    def rule(g, p, s, t):
        g = g + coupled * p
        s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
        s["v"] = b2 * s.get("v", 0) + (1 - b2) * g * g
        s["max"] = np.maximum(s.get("max", 0 * p), s["v"] / (1 - b2**t))
        u = s["m"] / (1 - b1**t) / (np.sqrt(s["max"]) + eps)
        return p - lr * (u + decoupled * p)

    return rule


def lookahead(k, alpha, lr, momentum=0.0, weight_decay=0.0):
    def rule(g, p, s, t):
        slow = s.setdefault("slow", p.copy())
        g = g + weight_decay * p
        s["b"] = momentum * s.get("b", 0) + g
        f = p - lr * s["b"]
        if t % k:
            return f
        s["slow"] = slow + alpha * (f - slow)
        return s["slow"].copy()

    return rule


def fromage(lr, momentum=0.0):
    def rule(g, p, s, t):
        s["b"] = g = momentum * s.get("b", 0) + g
        ratio = norm(p) / norm(g) if norm(p) > 0 and norm(g) > 0 else 1
        return (p - lr * ratio * g) / math.sqrt(1 + lr * lr)

    return rule


def masked_lamb(lr, keep):
    """LAMB whose trust ratio is for parameters of `keep`-dimensional shapes only."""

    def rule(g, p, s, t):
        s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
        s["v"] = 0.999 * s.get("v", 0) + 0.001 * g * g
        r = s["m"] / (1 - 0.9**t) / (np.sqrt(s["v"] / (1 - 0.999**t)) + 1e-6)
        scales = p.ndim == keep and norm(p) > 0 and norm(r) > 0
        return p - lr * (norm(p) / norm(r) if scales else 1) * r

    return rule


def masked_lars(lr, keep):
    def rule(g, p, s, t):
        scales = p.ndim == keep and norm(p) > 0 and norm(g) > 0
        ratio = 1e-3 * norm(p) / (norm(g) + 1e-8) if scales else 1
        s["b"] = 0.9 * s.get("b", 0) + ratio * g
        return p - lr * s["b"]

    return rule


def adafactor(lr=None, eps=(1e-30, 1e-3), clip=1.0, decay=0.8, beta1=None,
              weight_decay=0.0, factored=True, least=128):
    rms = lambda x: math.sqrt((x * x).mean())

    def rule(g, p, s, t):
        beta = 1 - t**-decay
        q = g * g + eps[0]
        order = np.argsort(p.shape, kind="stable")
        if factored and p.ndim >= 2 and p.shape[order[-2]] >= least:
            d1, d0 = int(order[-2]), int(order[-1])
            s["r"] = beta * s.get("r", 0) + (1 - beta) * q.mean(d0, keepdims=True)
            s["c"] = beta * s.get("c", 0) + (1 - beta) * q.mean(d1, keepdims=True)
            u = g / np.sqrt(s["r"] / s["r"].mean(d1, keepdims=True)) / np.sqrt(s["c"])
        else:
            s["v"] = beta * s.get("v", 0) + (1 - beta) * q
            u = g / np.sqrt(s["v"])
        if clip is not None:
            u = u / max(1, rms(u) / clip)
        alpha = lr
        if lr is None:
            alpha = min(1e-2, 1 / math.sqrt(t)) * max(eps[1], rms(p))
        u = alpha * u
        if beta1 is not None:
            u = s["m"] = beta1 * s.get("m", 0) + (1 - beta1) * u
        return p - u - alpha * weight_decay * p

    return rule


T, O = torch.optim, optax
coupled = O.add_decayed_weights
rate = lambda lr: O.scale(-lr)


def table():
    """Class, options as in TypeScript, reference."""
    yield "Optimizer", {"lr": 0.01}, Torch(T.Adam, lr=0.01)
    yield "Optimizer", {"lr": 0.01, "weightDecay": 0.1}, Torch(
        T.Adam, lr=0.01, weight_decay=0.1)

    yield "SGD", {"lr": 0.1}, Torch(T.SGD, lr=0.1)
    yield "SGD", {"lr": 0.1, "weightDecay": 0.1}, Torch(T.SGD, lr=0.1, weight_decay=0.1)
    yield "SGD", {"lr": 0.1, "momentum": 0.9, "weightDecay": 0.1}, Torch(
        T.SGD, lr=0.1, momentum=0.9, weight_decay=0.1)
    yield "SGD", {"lr": 0.1, "momentum": 0.8, "nesterov": True}, Torch(
        T.SGD, lr=0.1, momentum=0.8, nesterov=True)
    def free(cls, decay=0.0, **options):
        return Package(cls, lr=0.1, weight_decay=decay, **options)
    for name, cls, own in [
        ("ScheduleFreeSGD", schedulefree.SGDScheduleFreeReference,
         [({"momentum": 0.5}, {"momentum": 0.5})]),
        ("ScheduleFreeAdamW", in_training(schedulefree.AdamWScheduleFreeReference),
         [({"betas": [0.8, 0.95]}, {"betas": (0.8, 0.95)}),
          ({"eps": 0.1}, {"eps": 0.1})])]:
        for here, there in [
            ({}, {}), ({"warmupSteps": 10}, {"warmup_steps": 10}),
            ({"r": 1}, {"r": 1.0}), ({"weightDecay": 0.1}, {"decay": 0.1}),
            ({"warmupSteps": 10, "weightLrPower": 1},
             {"warmup_steps": 10, "weight_lr_power": 1}), *own]:
            yield name, {"lr": 0.1, **here}, free(cls, **there)

    for name, nesterov in [("Momentum", False), ("MomentumNesterov", True)]:
        yield name, {"lr": 0.1}, Torch(T.SGD, lr=0.1, momentum=0.9, nesterov=nesterov)
        yield name, {"lr": 0.1, "momentum": 0.5}, Torch(
            T.SGD, lr=0.1, momentum=0.5, nesterov=nesterov)
        yield name, {"lr": 0.1, "weightDecay": 0.1}, Torch(
            T.SGD, lr=0.1, momentum=0.9, nesterov=nesterov, weight_decay=0.1)

    for name, cls in [("Adam", T.Adam), ("AdamW", T.AdamW)]:
        decay = {} if name == "Adam" else {"weight_decay": 0.01}
        yield name, {"lr": 0.01}, Torch(cls, lr=0.01, **decay)
        yield name, {"lr": 0.01, "betas": [0.8, 0.95]}, Torch(
            cls, lr=0.01, betas=(0.8, 0.95), **decay)
        yield name, {"lr": 0.01, "eps": 1e-3}, Torch(cls, lr=0.01, eps=1e-3, **decay)
        yield name, {"lr": 0.01, "weightDecay": 0.1}, Torch(
            cls, lr=0.01, weight_decay=0.1)
        yield name, {"lr": 0.01, "amsgrad": True, "variant": "torch"}, Torch(
            cls, lr=0.01, amsgrad=True, **decay)
    yield "Adam", {"lr": 0.01, "amsgrad": True}, Optax(O.amsgrad(0.01))
    yield "Adam", {"lr": 0.01, "amsgrad": True, "weightDecay": 0.1}, Optax(
        coupled(0.1), O.scale_by_amsgrad(), rate(0.01))
    yield "AdamW", {"lr": 0.01, "amsgrad": True}, Optax(
        O.scale_by_amsgrad(), coupled(0.01), rate(0.01))

    adagrad = lambda **o: Torch(T.Adagrad, lr=0.1, **o)
    yield "Adagrad", {"lr": 0.1}, adagrad()
    yield "Adagrad", {"lr": 0.1, "lrDecay": 0.05}, adagrad(lr_decay=0.05)
    yield "Adagrad", {"lr": 0.1, "weightDecay": 0.1}, adagrad(weight_decay=0.1)
    yield "Adagrad", {"lr": 0.1, "initialAccumulatorValue": 0.1}, adagrad(
        initial_accumulator_value=0.1)
    yield "Adagrad", {"lr": 0.1, "eps": 0.1}, adagrad(eps=0.1)

    adadelta = lambda **o: Torch(T.Adadelta, lr=1.0, **o)
    yield "Adadelta", {}, adadelta()
    yield "Adadelta", {"lr": 0.5}, Torch(T.Adadelta, lr=0.5)
    yield "Adadelta", {"rho": 0.8}, adadelta(rho=0.8)
    yield "Adadelta", {"eps": 1e-3}, adadelta(eps=1e-3)
    yield "Adadelta", {"weightDecay": 0.1}, adadelta(weight_decay=0.1)

    rms = lambda decay=0.99, eps=1e-8: O.scale_by_rms(decay=decay, eps=eps)
    yield "RMSprop", {}, Optax(rms(), rate(0.01))
    yield "RMSprop", {"alpha": 0.9}, Optax(rms(0.9), rate(0.01))
    yield "RMSprop", {"eps": 0.01}, Optax(rms(eps=0.01), rate(0.01))
    yield "RMSprop", {"weightDecay": 0.1}, Optax(coupled(0.1), rms(), rate(0.01))
    yield "RMSprop", {"momentum": 0.9}, Optax(rms(), O.trace(0.9), rate(0.01))
    yield "RMSprop", {"centered": True, "alpha": 0.9, "eps": 1e-3}, Optax(
        O.scale_by_stddev(decay=0.9, eps=1e-3), rate(0.01))

    adamax = lambda **o: Torch(T.Adamax, lr=2e-3, **o)
    yield "Adamax", {}, adamax()
    yield "Adamax", {"lr": 0.1}, Torch(T.Adamax, lr=0.1)
    yield "Adamax", {"betas": [0.8, 0.95]}, adamax(betas=(0.8, 0.95))
    yield "Adamax", {"eps": 0.1}, adamax(eps=0.1)
    yield "Adamax", {"weightDecay": 0.1}, adamax(weight_decay=0.1)

    nadam = lambda **o: Torch(T.NAdam, lr=2e-3, **o)
    yield "Nadam", {}, nadam()
    yield "Nadam", {"lr": 0.1}, Torch(T.NAdam, lr=0.1)
    yield "Nadam", {"betas": [0.8, 0.95]}, nadam(betas=(0.8, 0.95))
    yield "Nadam", {"eps": 1e-3}, nadam(eps=1e-3)
    yield "Nadam", {"weightDecay": 0.1}, nadam(weight_decay=0.1)
    yield "Nadam", {"momentumDecay": 0.1}, nadam(momentum_decay=0.1)

    radam = lambda **o: O.scale_by_radam(**o)
    yield "RAdam", {"lr": 0.01}, Optax(radam(), rate(0.01))
    yield "RAdam", {"lr": 0.01, "betas": [0.8, 0.9]}, Optax(
        radam(b1=0.8, b2=0.9), rate(0.01))
    yield "RAdam", {"lr": 0.01, "eps": 1e-3}, Optax(radam(eps=1e-3), rate(0.01))
    yield "RAdam", {"lr": 0.01, "weightDecay": 0.1}, Optax(
        coupled(0.1), radam(), rate(0.01))

    lamb = lambda **o: Optax(O.lamb(0.01, **o))
    yield "Lamb", {"lr": 0.01}, lamb()
    yield "Lamb", {"lr": 0.01, "betas": [0.8, 0.95]}, lamb(b1=0.8, b2=0.95)
    yield "Lamb", {"lr": 0.01, "eps": 1e-3}, lamb(eps=1e-3)
    yield "Lamb", {"lr": 0.01, "weightDecay": 0.1}, lamb(weight_decay=0.1)
    yield "Lamb", {"lr": 0.01, "trustMask": "matrices"}, Paper(masked_lamb(0.01, 2))

    def lars(lr=1.0, decay=0.0, momentum=0.9, coefficient=1e-3, eps=1e-8):
        ratio = O.scale_by_trust_ratio(trust_coefficient=coefficient, eps=eps)
        return Optax(coupled(decay), ratio, O.trace(momentum), rate(lr))
    yield "Lars", {}, lars()
    yield "Lars", {"lr": 0.5}, lars(0.5)
    yield "Lars", {"momentum": 0.5}, lars(momentum=0.5)
    yield "Lars", {"weightDecay": 0.1}, lars(decay=0.1)
    yield "Lars", {"trustCoefficient": 0.01}, lars(coefficient=0.01)
    yield "Lars", {"eps": 0.1}, lars(eps=0.1)
    yield "Lars", {"lr": 0.1, "trustMask": "matrices"}, Paper(masked_lars(0.1, 2))

    base = {"baseOptimizer": "SGD 0.1"}
    yield "Lookahead", base, Paper(lookahead(5, 0.5, 0.1))
    yield "Lookahead", {**base, "syncPeriod": 3}, Paper(lookahead(3, 0.5, 0.1))
    yield "Lookahead", {**base, "alpha": 0.8}, Paper(lookahead(5, 0.8, 0.1))
    yield "Lookahead", {**base, "lr": 0.05}, Paper(lookahead(5, 0.5, 0.05))
    yield "Lookahead", {**base, "weightDecay": 0.1}, Paper(
        lookahead(5, 0.5, 0.1, weight_decay=0.1))
    yield "Lookahead", {"baseOptimizer": "Momentum 0.1"}, Paper(
        lookahead(5, 0.5, 0.1, 0.9))

    # Their steps do not depend on the parameters.
    def cautious(tx, **options):
        return Cautious(Optax(tx), **options)
    yield "Cautious", {"baseOptimizer": "Adam 0.01"}, cautious(O.adam(0.01))
    yield "Cautious", {"baseOptimizer": "Adam 0.01", "weightDecay": 0.1}, cautious(
        O.adam(0.01), lr=0.01, weight_decay=0.1)
    yield "Cautious", {"baseOptimizer": "Adam 0.01", "lr": 0.1}, cautious(O.adam(0.1))
    yield "Cautious", {"baseOptimizer": "Lion 0.01"}, cautious(
        O.lion(0.01, weight_decay=0.0))
    yield "Cautious", {"baseOptimizer": "Momentum 0.1"}, cautious(O.sgd(0.1, 0.9))

    center = outputs_last(O.centralize())
    def centralized(tx):
        return Optax(center, tx)
    yield "GradientCentralization", {"baseOptimizer": "SGD 0.1"}, centralized(O.sgd(0.1))
    yield "GradientCentralization", {"baseOptimizer": "SGD 0.1", "lr": 0.05}, centralized(
        O.sgd(0.05))
    yield "GradientCentralization", {"baseOptimizer": "Momentum 0.1"}, centralized(
        O.sgd(0.1, 0.9))
    yield "GradientCentralization", {"baseOptimizer": "AdamW 0.01"}, centralized(
        O.adamw(0.01, weight_decay=0.01))
    yield "GradientCentralization", {
        "baseOptimizer": "SGD 0.1", "centralizeMask": "none"}, Optax(O.sgd(0.1))

    yogi = lambda **o: O.scale_by_yogi(**o)
    yield "Yogi", {"lr": 0.01}, Optax(yogi(), rate(0.01))
    yield "Yogi", {"lr": 0.01, "betas": [0.8, 0.95]}, Optax(
        yogi(b1=0.8, b2=0.95), rate(0.01))
    yield "Yogi", {"lr": 0.01, "eps": 0.1}, Optax(yogi(eps=0.1), rate(0.01))
    yield "Yogi", {"lr": 0.01, "weightDecay": 0.1}, Optax(
        coupled(0.1), yogi(), rate(0.01))

    def lbfgs(lr, memory=10, scale=True):
        return Optax(O.scale_by_lbfgs(memory, scale), rate(lr))
    yield "LBFGS", {"lr": 0.5}, lbfgs(0.5)
    yield "LBFGS", {"lr": 0.5, "memorySize": 2}, lbfgs(0.5, 2)
    yield "LBFGS", {"lr": 0.5, "scaleInitPrecond": False}, lbfgs(0.5, scale=False)

    rprop = lambda lr=0.01, **o: Torch(T.Rprop, lr=lr, **o)
    yield "Rprop", {}, rprop()
    yield "Rprop", {"lr": 0.1}, rprop(0.1)
    yield "Rprop", {"etas": [0.7, 1.5]}, rprop(etas=(0.7, 1.5))
    yield "Rprop", {"stepSizes": [5e-3, 0.012]}, rprop(step_sizes=(5e-3, 0.012))

    yield "Adafactor", {}, Paper(adafactor())
    yield "Adafactor", {"lr": 0.01}, Paper(adafactor(0.01))
    yield "Adafactor", {"eps": [1e-2, 0.9]}, Paper(adafactor(eps=(1e-2, 0.9)))
    yield "Adafactor", {"clipThreshold": 0.5}, Paper(adafactor(clip=0.5))
    yield "Adafactor", {"clipThreshold": None}, Paper(adafactor(clip=None))
    yield "Adafactor", {"decayRate": -0.5}, Paper(adafactor(decay=0.5))
    yield "Adafactor", {"decayRate": 0.5}, Paper(adafactor(decay=0.5))
    yield "Adafactor", {"beta1": 0.9}, Paper(adafactor(beta1=0.9))
    yield "Adafactor", {"lr": 0.01, "weightDecay": 0.1}, Paper(
        adafactor(0.01, weight_decay=0.1))
    yield "Adafactor", {"factored": False}, Paper(adafactor(factored=False))
    yield "Adafactor", {"minDimSizeToFactor": 2}, Paper(adafactor(least=2))

    belief = lambda eps=1e-16, **o: O.scale_by_belief(eps=eps, eps_root=eps, **o)
    yield "AdaBelief", {"lr": 0.01}, Optax(belief(), rate(0.01))
    yield "AdaBelief", {"lr": 0.01, "betas": [0.8, 0.95]}, Optax(
        belief(b1=0.8, b2=0.95), rate(0.01))
    yield "AdaBelief", {"lr": 0.01, "eps": 1e-3}, Optax(belief(1e-3), rate(0.01))
    yield "AdaBelief", {"lr": 0.01, "weightDecay": 0.1}, Optax(
        coupled(0.1), belief(), rate(0.01))

    yield "Lion", {"lr": 0.01}, Optax(O.lion(0.01, weight_decay=0.0))
    yield "Lion", {"lr": 0.01, "betas": [0.8, 0.95]}, Optax(
        O.lion(0.01, b1=0.8, b2=0.95, weight_decay=0.0))
    yield "Lion", {"lr": 0.01, "weightDecay": 0.1}, Optax(O.lion(0.01, weight_decay=0.1))

    def sm3(lr=1.0, momentum=0.9, eps=1e-8, decay=0.0):
        return Optax(coupled(decay), O.scale_by_sm3(momentum, 1.0, eps), rate(lr),
                     scalars_as_vectors=True)
    yield "SM3", {}, sm3()
    yield "SM3", {"lr": 0.1}, sm3(0.1)
    yield "SM3", {"momentum": 0}, sm3(momentum=0.0)
    yield "SM3", {"eps": 0.5}, sm3(eps=0.5)
    yield "SM3", {"weightDecay": 0.1}, sm3(decay=0.1)

    def novograd(b1=0.9, b2=0.999, eps=1e-8, weight_decay=0.0):
        return Optax(O.novograd(0.01, b1, b2, eps, weight_decay=weight_decay))
    yield "Novograd", {"lr": 0.01}, novograd()
    yield "Novograd", {"lr": 0.01, "betas": [0.8, 0.5]}, novograd(0.8, 0.5)
    yield "Novograd", {"lr": 0.01, "eps": 0.1}, novograd(eps=0.1)
    yield "Novograd", {"lr": 0.01, "weightDecay": 0.1}, novograd(weight_decay=0.1)

    yield "Muon", {"lr": 0.01}, muon()
    yield "Muon", {"lr": 0.01, "momentum": 0.8}, muon(momentum=0.8)
    yield "Muon", {"lr": 0.01, "nesterov": False}, muon(nesterov=False)
    yield "Muon", {"lr": 0.01, "nsSteps": 3}, muon(ns_steps=3)
    yield "Muon", {"lr": 0.01, "nsCoefficients": [2, -1.5, 0.5]}, muon(
        ns_coefficients=(2, -1.5, 0.5))
    yield "Muon", {"lr": 0.01, "eps": 20}, muon(eps=20)
    yield "Muon", {"lr": 0.01, "scaling": "match_rms_adamw"}, muon(
        adjust_lr_fn="match_rms_adamw")
    yield "Muon", {"lr": 0.01, "weightDecay": 0}, muon(decay=0)
    yield "Muon", {"lr": 0.01, "adamLr": 0.03, "adamBetas": [0.8, 0.95],
                   "adamEps": 1e-3}, muon(
                       adam_lr=0.03, betas=(0.8, 0.95), adam_eps=1e-3)
    yield "Muon", {"lr": 0.01, "weightDecay": 0, "nesterov": False}, Optax(
        O.contrib.muon(0.01, nesterov=False))

    # Of the big matrix, which is nearly of a low rank, singular vectors are arbitrary.
    def galore(rank=2, gap=200, scale=0.25, decay=0.0, **options):
        return Projected(rank, gap, scale, lr=0.01, weight_decay=decay, **options)
    base = {"lr": 0.01, "rank": 2, "projectMask": "the matrix"}
    yield "GaLore", base, galore()
    yield "GaLore", {**base, "rank": 1}, galore(1)
    yield "GaLore", {**base, "updateProjGap": 7}, galore(gap=7)
    yield "GaLore", {**base, "scale": 1}, galore(scale=1.0)
    yield "GaLore", {**base, "betas": [0.8, 0.95]}, galore(betas=(0.8, 0.95))
    yield "GaLore", {**base, "eps": 0.1}, galore(eps=0.1)
    yield "GaLore", {**base, "weightDecay": 0.1}, galore(decay=0.1)

    # The paper's step, clip(m / max(γ h, ε), 1), is 1 / γ of the package's. Estimates are
    # of a diagonal Hessian: with random signs they are exact.
    def sophia(lr=0.01, gamma=0.01, eps=1e-12, decay=0.0, period=10, betas=(0.96, 0.99)):
        return Estimated(pytorch_optimizer.SophiaH, period, lr=lr / gamma, p=gamma,
                         eps=eps / gamma, weight_decay=decay * gamma, betas=betas,
                         update_period=10**9)
    base = {"lr": 0.01, "distribution": "rademacher"}
    yield "Sophia", {**base, "gamma": 0.5}, sophia(gamma=0.5)
    yield "Sophia", {**base, "gamma": 5, "updatePeriod": 3}, sophia(gamma=5, period=3)
    yield "Sophia", {**base, "gamma": 0.5, "betas": [0.8, 0.9]}, sophia(
        gamma=0.5, betas=(0.8, 0.9))
    yield "Sophia", {**base, "gamma": 0.5, "eps": 0.5}, sophia(gamma=0.5, eps=0.5)
    yield "Sophia", {**base, "gamma": 0.5, "weightDecay": 0.1}, sophia(
        gamma=0.5, decay=0.1)

    # Where a product of gradients has not full rank, its eigenvectors are arbitrary: of
    # the matrix, the shorter axis alone. tests/optim/soap_test.ts has others.
    def soap(weight_decay=0.01, **options):
        return Package(pytorch_optimizer.SOAP, lr=0.01, max_precondition_dim=3,
                       weight_decay=weight_decay, **options)
    base = {"lr": 0.01, "maxPreconditionDim": 3}
    yield "Soap", base, soap()
    yield "Soap", {**base, "betas": [0.8, 0.9]}, soap(betas=(0.8, 0.9))
    yield "Soap", {**base, "shampooBeta": 0.5}, soap(shampoo_beta=0.5)
    yield "Soap", {**base, "eps": 0.1}, soap(eps=0.1)
    yield "Soap", {**base, "preconditionFrequency": 2}, soap(precondition_frequency=2)
    yield "Soap", {**base, "correctBias": False}, soap(correct_bias=False)
    yield "Soap", {**base, "normalizeGrads": True}, soap(normalize_gradient=True)
    yield "Soap", {**base, "weightDecay": 0.1}, soap(0.1)

    yield "Fromage", {}, Paper(fromage(0.01))
    yield "Fromage", {"lr": 0.1}, Paper(fromage(0.1))
    yield "Fromage", {"momentum": 0.9}, Paper(fromage(0.01, 0.9))

    def ademamix(weight_decay=0.0, **options):
        return Optax(O.contrib.ademamix(0.01, weight_decay=weight_decay, **options))
    # optax counts from 0.
    rising = lambda end, steps: lambda c: end * jnp.minimum((c + 1) / steps, 1)
    def lengthening(first, last, steps):
        half = lambda beta: math.log(0.5) / math.log(beta)
        def beta(c):
            share = jnp.minimum((c + 1) / steps, 1)
            return 0.5 ** (1 / ((1 - share) * half(first) + share * half(last)))
        return beta
    yield "AdEMAMix", {"lr": 0.01}, ademamix()
    yield "AdEMAMix", {"lr": 0.01, "betas": [0.8, 0.95, 0.99]}, ademamix(
        b1=0.8, b2=0.95, b3=0.99)
    yield "AdEMAMix", {"lr": 0.01, "alpha": 2}, ademamix(alpha=2.0)
    yield "AdEMAMix", {"lr": 0.01, "alphaWarmup": 30}, ademamix(alpha=rising(5.0, 30))
    yield "AdEMAMix", {"lr": 0.01, "beta3Warmup": 30}, ademamix(
        b3=lengthening(0.9, 0.9999, 30))
    yield "AdEMAMix", {"lr": 0.01, "eps": 0.1}, ademamix(eps=0.1)
    yield "AdEMAMix", {"lr": 0.01, "weightDecay": 0.1}, ademamix(0.1)

    def adopt(*before, after=(), clipping=True, **options):
        scale = O.contrib.scale_by_adopt(use_clipping=clipping, **options)
        return Optax(*before, scale, *after, rate(0.01))
    yield "Adopt", {"lr": 0.01}, adopt()
    yield "Adopt", {"lr": 0.01, "betas": [0.8, 0.95]}, adopt(b1=0.8, b2=0.95)
    yield "Adopt", {"lr": 0.01, "eps": 0.5}, adopt(eps=0.5)
    yield "Adopt", {"lr": 0.01, "clipping": False}, adopt(clipping=False)
    yield "Adopt", {"lr": 0.01, "weightDecay": 0.1}, adopt(coupled(0.1))
    yield "Adopt", {"lr": 0.01, "weightDecay": 0.1, "decoupled": True}, adopt(
        after=[coupled(0.1)])

    def adan(**options):
        return Package(pytorch_optimizer.Adan, lr=0.01, foreach=False, **options)
    yield "Adan", {"lr": 0.01}, adan()
    yield "Adan", {"lr": 0.01, "betas": [0.9, 0.8, 0.95]}, adan(betas=(0.9, 0.8, 0.95))
    yield "Adan", {"lr": 0.01, "eps": 0.1}, adan(eps=0.1)
    yield "Adan", {"lr": 0.01, "weightDecay": 0.1}, adan(weight_decay=0.1)
    yield "Adan", {"lr": 0.01, "weightDecay": 0.1, "proximal": False}, adan(
        weight_decay=0.1, weight_decouple=True)

    def mars(lr=3e-3, weight_decay=0.0, betas_1d=(0.9, 0.95), **options):
        return Package(pytorch_optimizer.MARS, lr=lr, lr_1d=lr, foreach=False,
                       weight_decay=weight_decay, weight_decay_1d=weight_decay,
                       betas_1d=betas_1d, **options)
    yield "Mars", {}, mars()
    yield "Mars", {"lr": 0.01}, mars(0.01)
    yield "Mars", {"betas": [0.8, 0.9]}, mars(betas=(0.8, 0.9))
    # pytorch_optimizer corrects eps too.
    yield "Mars", {"eps": 0.1}, Paper(mars_adamw(3e-3, eps=0.1))
    yield "Mars", {"gamma": 0.5}, mars(gamma=0.5)
    yield "Mars", {"correctionMask": "all"}, mars(optimize_1d=True)
    yield "Mars", {"plainBetas": [0.5, 0.9]}, mars(betas_1d=(0.5, 0.9))
    yield "Mars", {"weightDecay": 0.1}, mars(weight_decay=0.1)

    def signum(*after, decay=0.9):
        mean = O.ema(decay, debias=False)
        return Optax(mean, O.scale_by_sign(), *after, rate(0.01))
    yield "Signum", {"lr": 0.01, "momentum": 0.8}, signum(decay=0.8)
    yield "Signum", {"lr": 0.01}, signum()
    yield "Signum", {"lr": 0.01, "momentum": 0}, signum(decay=0.0)
    yield "Signum", {"lr": 0.01, "weightDecay": 0.1}, signum(coupled(0.1))

    asgd = lambda lr=0.1, **o: Torch(T.ASGD, lr=lr, **o)
    yield "Asgd", {"lr": 0.1}, asgd()
    yield "Asgd", {}, asgd(0.01)
    yield "Asgd", {"lr": 0.1, "lambda": 0.5}, asgd(lambd=0.5)
    yield "Asgd", {"lr": 0.1, "lambda": 0.5, "alpha": 0.25}, asgd(
        lambd=0.5, alpha=0.25)
    yield "Asgd", {"lr": 0.1, "weightDecay": 0.1}, asgd(weight_decay=0.1)

    ftrl = lambda lr=1e-3, **o: Keras("Ftrl", lr, **o)
    yield "Ftrl", {}, ftrl()
    yield "Ftrl", {"lr": 0.1}, ftrl(0.1)
    yield "Ftrl", {"lr": 0.1, "l1": 0.5}, ftrl(0.1, l1_regularization_strength=0.5)
    yield "Ftrl", {"lr": 0.1, "l2": 5}, ftrl(0.1, l2_regularization_strength=5.0)
    yield "Ftrl", {"lr": 0.1, "l2Shrinkage": 0.5}, ftrl(
        0.1, l2_shrinkage_regularization_strength=0.5)
    yield "Ftrl", {"lr": 0.1, "beta": 1}, ftrl(0.1, beta=1.0)
    yield "Ftrl", {"lr": 0.1, "initialAccumulatorValue": 1}, ftrl(
        0.1, initial_accumulator_value=1.0)

    def prodigy(lr=1.0, **options):
        return Package(prodigyopt.Prodigy, lr=lr, **options)
    yield "Prodigy", {}, prodigy()
    d = {"d0": 0.1}
    yield "Prodigy", d, prodigy(**d)
    yield "Prodigy", {**d, "lr": 0.5}, prodigy(0.5, **d)
    yield "Prodigy", {**d, "betas": [0.8, 0.95]}, prodigy(betas=(0.8, 0.95), **d)
    yield "Prodigy", {**d, "beta3": 0.9}, prodigy(beta3=0.9, **d)
    yield "Prodigy", {**d, "eps": 0.1}, prodigy(eps=0.1, **d)
    yield "Prodigy", {**d, "dCoef": 2}, prodigy(d_coef=2.0, **d)
    yield "Prodigy", {**d, "growthRate": 1.02}, prodigy(growth_rate=1.02, **d)
    yield "Prodigy", {**d, "useBiasCorrection": True}, prodigy(
        use_bias_correction=True, **d)
    yield "Prodigy", {**d, "lr": 0.5, "safeguardWarmup": True}, prodigy(
        0.5, safeguard_warmup=True, **d)
    yield "Prodigy", {**d, "weightDecay": 0.1}, prodigy(weight_decay=0.1, **d)

    def dadapt(lr=1.0, **options):
        return Package(dadaptation.DAdaptAdam, lr=lr, decouple=True, **options)
    d = {"d0": 0.3}
    yield "DAdaptAdamW", {}, dadapt()
    yield "DAdaptAdamW", d, dadapt(**d)
    yield "DAdaptAdamW", {**d, "lr": 0.5}, dadapt(0.5, **d)
    yield "DAdaptAdamW", {"d0": 0.5, "betas": [0.8, 0.95]}, dadapt(
        d0=0.5, betas=(0.8, 0.95))
    yield "DAdaptAdamW", {**d, "eps": 0.1}, dadapt(eps=0.1, **d)
    yield "DAdaptAdamW", {"d0": 0.1, "growthRate": 1.02}, dadapt(
        d0=0.1, growth_rate=1.02)
    yield "DAdaptAdamW", {**d, "useBiasCorrection": True}, dadapt(
        use_bias_correction=True, **d)
    yield "DAdaptAdamW", {**d, "eps": 0.1, "weightDecay": 0.1}, dadapt(
        eps=0.1, weight_decay=0.1, **d)

    def laprop(**options):
        return Package(pytorch_optimizer.LaProp, lr=0.01, foreach=False, **options)
    yield "LaProp", {"lr": 0.01}, laprop()
    yield "LaProp", {"lr": 0.01, "betas": [0.8, 0.95]}, laprop(betas=(0.8, 0.95))
    yield "LaProp", {"lr": 0.01, "eps": 0.1}, laprop(eps=0.1)


def clipped():
    """The first case of each class again, with gradients clipped both ways."""
    for options in [{"gradClipNorm": 1.5}, {"gradClipValue": 0.4},
                    {"gradClipNorm": 2.0, "gradClipValue": 0.3}]:
        seen = set()
        for name, own, reference in table():
            if name in seen:
                continue
            seen.add(name)
            c = Clipped(reference, options.get("gradClipNorm"),
                        options.get("gradClipValue"))
            # L-BFGS wants gradients of a function, which clipped ones are not.
            if name == "LBFGS":
                continue
            # All three for one class, by the norm for the others.
            if name == "SGD" or list(options) == ["gradClipNorm"]:
                yield name, {**own, **options}, c


def run(reference, shapes, is_function):
    params = {k: start(k, s) for k, s in shapes.items()}
    reference.begin(params)
    steps = {}
    for k in range(1, STEPS + 1):
        grads = {
            name: quadratic(params[name]) if is_function
            else gradient(name, s, k)
            for name, s in shapes.items()
        }
        params = reference.step(grads)
        if k in RECORDED:
            steps[k] = {name: summary(name, x) for name, x in params.items()}
    return steps


def summary(name, x):
    x = np.asarray(x, dtype=np.float64).reshape(-1)
    assert np.isfinite(x).all(), name
    if name in BIG:
        x = np.concatenate([x[SHOWN], [x.mean(), math.sqrt((x * x).mean())]])
    return [float(f"{v:.9g}") for v in x]


def check_signs():
    """Rules that take signs must not meet numbers that rounding could turn."""
    for name, shape in {**SHAPES, **BIG}.items():
        m = m2 = np.zeros(shape)
        s, s2 = np.zeros(shape), np.zeros(shape)
        v, v2 = np.full(shape, 1e-6), np.full(shape, 1e-6)
        for k in range(1, STEPS + 1):
            g = gradient(name, shape, k)
            moving = g != 0
            for b1, b2, mean in [(0.9, 0.99, m), (0.8, 0.95, m2)]:
                c = np.abs(b1 * mean + (1 - b1) * g)
                assert not (moving & (c < 1e-6)).any(), (name, k, c.min())
            s, s2 = 0.9 * s + 0.1 * g, 0.8 * s2 + 0.2 * g
            for mean in [s2] if name in BIG else [s, s2]:
                assert not (moving & (np.abs(mean) < 1e-6)).any(), (name, k)
            m, m2 = 0.99 * m + 0.01 * g, 0.95 * m2 + 0.05 * g
            for b2, of in [(0.999, v), (0.95, v2)]:
                d = np.abs(of - g * g) / np.maximum(g * g, 1e-12)
                assert not (moving & (d < 1e-5)).any(), (name, k, d.min())
            v = v - 0.001 * np.sign(v - g * g) * g * g
            v2 = v2 - 0.05 * np.sign(v2 - g * g) * g * g


def main():
    check_signs()
    path = pathlib.Path(__file__).parents[2] / "tests/golden/optimizers.json"
    only = sys.argv[1:]
    kept = json.loads(path.read_text())["cases"] if only else []
    cases, seen = [c for c in kept if c["class"] not in only], set()
    for name, options, reference in [*table(), *clipped()]:
        # Of a big quadratic, differences of gradients are lost in float32.
        is_small = name in seen or name == "LBFGS"
        shapes = SHAPES if is_small else {**SHAPES, **BIG}
        seen.add(name)
        if only and name not in only:
            continue
        cases.append({"class": name, "options": options, "by": reference.by,
                      "steps": run(reference, shapes, is_of_function(name, options))})
        print(name, options, flush=True)
    # In the order of the table, also where only one class is written anew.
    order = list(dict.fromkeys(name for name, *_ in table()))
    is_clipped = lambda c: any(name.startswith("gradClip") for name in c["options"])
    cases.sort(key=lambda c: (is_clipped(c), order.index(c["class"])))
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
    made = f"torch {torch.__version__}, optax {optax.__version__}, float64"
    path.write_text(f'{{"made":"{made}","cases":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
