"""Trajectories of transformations in float64, by optax and Keras, and adaptive
clipping of a convolution and decay by layer by timm.

Run with optax 0.2.8, keras 3.15, timm 1.0 and torch 2.13; writes tests/golden/transformations.json:

    python scripts/golden/transformations.py

Gradients and starts are the formulas of optimizers.py. In the cases of `skipNonFinite` the
gradient of the vector has a NaN, then an infinity, in some steps; optax is told after each
step how many gradients it has seen, since ours counts skipped steps for bias corrections.
"""

import importlib.util
import json
import os
import pathlib
import sys
import types

os.environ["KERAS_BACKEND"] = "torch"

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax as O
import torch

from optimizers import gradient, start


def timm_file(path):
    """A file of timm by itself: the package wants torchvision, which these do not use."""
    package = importlib.util.find_spec("timm").submodule_search_locations[0]
    name = "timm." + path.replace("/", ".")
    spec = importlib.util.spec_from_file_location(name, f"{package}/{path}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stub(name, **contents):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(contents)


adaptive_clip_grad = timm_file("utils/agc").adaptive_clip_grad
stub("timm.layers", use_reentrant_ckpt=None)
stub("timm.models", group_parameters=timm_file("models/_manipulate").group_parameters)
param_groups_layer_decay = timm_file("optim/_param_groups").param_groups_layer_decay

NAMES = {
    "scalar": (), "vector": (7,), "matrix": (3, 5), "zero": (4,), "tiny": (5,),
}
STEPS = 24
RECORDED = [1, 2, 3, 5, 8, 13, 24]
SPOILED = {
    "never": {},
    "some": {2: np.nan, 5: np.inf, 6: np.nan, 7: -np.inf},
    "first": {1: np.nan, 2: np.inf, 5: np.nan},
}


def spoiled(name, shape, k, how):
    g = gradient(name, shape, k)
    if name == "vector" and k in SPOILED[how]:
        g[2] = SPOILED[how][k]
    return g


class Optax:
    def __init__(self, *parts, counts_skipped=None):
        self.tx = O.chain(*parts)
        self.counts_skipped = counts_skipped  # None, "after the first", or "all"

    def begin(self, params):
        self.params = {k: jnp.asarray(v) for k, v in params.items()}
        self.state = self.tx.init(self.params)
        self.has_begun = False
        self.calls = 0

    def step(self, grads):
        updates, self.state = self.tx.update(grads, self.state, self.params)
        self.params = O.apply_updates(self.params, updates)
        self.calls += 1
        if self.counts_skipped:
            is_taken = bool(self.state[0].last_finite)
            self.has_begun |= is_taken or self.counts_skipped == "all"
            count = self.calls if self.has_begun else 0
            self.state = jax.tree_util.tree_map_with_path(
                lambda path, x: jnp.asarray(count, x.dtype)
                if jax.tree_util.keystr(path).endswith(".count") else x,
                self.state)
        return self.params


class Keras:
    """Gradients clipped by Keras, then steps of `lr`."""

    def __init__(self, clipnorm, lr):
        keras.backend.set_floatx("float64")
        self.optimizer = keras.optimizers.SGD(lr, clipnorm=clipnorm)
        self.lr = lr

    def begin(self, params):
        self.params = {k: v.copy() for k, v in params.items()}

    def step(self, grads):
        own = [torch.tensor(g) for g in grads.values()]
        clipped = self.optimizer._clip_gradients(own)
        for name, g in zip(grads, clipped):
            self.params[name] = self.params[name] - self.lr * g.numpy()
        return self.params


class Means:
    """Momentum of the mean of gradients, at every third call.

    optax cannot be asked: after a NaN, the mean of `MultiSteps` stays one.
    """

    def __init__(self, left_out):
        self.left_out = left_out  # "gradients" that are not finite, or "means"

    def begin(self, params):
        self.params = {k: v.copy() for k, v in params.items()}
        self.velocity = {k: 0 * v for k, v in params.items()}
        self.grads = []
        self.calls = 0

    def step(self, grads):
        finite = lambda all: all_finite(g for own in all for g in own.values())
        self.calls += 1
        if self.left_out == "gradients" and not finite([grads]):
            return self.params
        self.grads.append(grads)
        if self.calls % 3 == 0:
            if finite(self.grads):
                for k, v in self.velocity.items():
                    mean = np.mean([g[k] for g in self.grads], 0)
                    self.velocity[k] = 0.9 * v + mean
                    self.params[k] = self.params[k] - 0.1 * self.velocity[k]
            self.grads = []
        return self.params


def all_finite(arrays):
    return all(np.isfinite(x).all() for x in arrays)


def cases():
    sgd = O.sgd(0.1)
    adamw = lambda: O.adamw(0.01, weight_decay=0.1)
    clipped = lambda: O.chain(O.clip_by_global_norm(1.0), adamw())
    skip = lambda tx, most=10**6: O.apply_if_finite(tx, most)
    steps = lambda tx, k: O.MultiSteps(tx, k).gradient_transformation()
    yield "clipByNorm", "never", "keras", Keras(0.5, 0.1)
    yield "clipByBlockRms", "never", "optax", Optax(O.clip_by_block_rms(0.3), sgd)
    yield "adaptiveGradClip", "never", "optax", Optax(O.adaptive_grad_clip(0.1), sgd)
    yield "adaptiveGradClip eps", "never", "optax", Optax(
        O.adaptive_grad_clip(0.1, eps=0.5), sgd)
    yield "ema", "never", "optax", Optax(O.ema(0.9), sgd)
    yield "ema without debias", "never", "optax", Optax(O.ema(0.9, debias=False), sgd)
    yield "accumulate", "never", "optax", Optax(steps(adamw(), 4))
    yield "accumulate and clip", "never", "optax", Optax(steps(clipped(), 3))
    yield "skipNonFinite", "some", "optax", Optax(skip(O.sgd(0.1, momentum=0.9)))
    yield "skipNonFinite AdamW", "first", "optax", Optax(
        skip(adamw()), counts_skipped="after the first")
    yield "skipNonFinite AdamW of tensors", "first", "optax", Optax(
        skip(adamw()), counts_skipped="all")
    yield "skipNonFinite and clip", "some", "optax", Optax(
        skip(clipped()), counts_skipped="after the first")
    yield "skipNonFinite two in a row", "some", "optax", Optax(
        skip(O.chain(O.clip(0.5), sgd), 1))
    yield "skipNonFinite of accumulate", "some", "a loop", Means("gradients")
    yield "accumulate of skipNonFinite", "some", "a loop", Means("means")


def clipped_convolution():
    """A gradient of a kernel [height, width, in, out], which is [out, in, ...] in torch."""
    shape = (3, 2, 2, 4)
    i = np.arange(np.prod(shape)).reshape(shape)
    to_torch = lambda x: torch.tensor(np.transpose(x, (3, 2, 0, 1)).copy())
    weight = torch.nn.Parameter(to_torch(np.sin(1.7 * i) * (1 + i % 4)))
    weight.grad = to_torch(np.cos(0.9 * i) * (i % 4) ** 3)
    adaptive_clip_grad([weight], clip_factor=0.5)
    return np.transpose(weight.grad.numpy(), (2, 3, 1, 0)).ravel().tolist()


class Transformer(torch.nn.Module):
    """Parameters with the names and shapes of a vision transformer's, and timm's matcher."""

    def __init__(self):
        super().__init__()
        parts = ["norm1.weight", "attn.qkv.weight", "attn.qkv.bias"]
        paths = [
            *["cls_token", "pos_embed", "patch_embed.proj.weight"],
            *["patch_embed.proj.bias"],
            *[f"blocks.{i}.{part}" for i in range(11) for part in parts],
            *["norm.weight", "norm.bias", "head.weight", "head.bias"],
        ]
        for path in paths:
            *names, last = path.split(".")
            at = self
            for name in names:
                if not hasattr(at, name):
                    at.add_module(name, torch.nn.Module())
                at = getattr(at, name)
            is_vector = last == "bias" or "norm" in path
            x = torch.zeros((4,) if is_vector else (3, 4))
            at.register_parameter(last, torch.nn.Parameter(x))

    def group_matcher(self, coarse=False):
        return {
            "stem": r"^cls_token|pos_embed|patch_embed",
            "blocks": [(r"^blocks\.(\d+)", None), (r"^norm", (99999,))],
        }


def layers():
    """The scale of the rate and the weight decay of each parameter."""
    model = Transformer()
    groups = param_groups_layer_decay(
        model, 0.05, no_weight_decay_list={"cls_token", "pos_embed"}, layer_decay=0.75)
    found = {
        id(p): {"scale": g["lr_scale"], "weightDecay": g["weight_decay"]}
        for g in groups for p in g["params"]
    }
    return {
        path: {"shape": list(p.shape), **found[id(p)]}
        for path, p in model.named_parameters()
    }


def main():
    # Beyond the limit a NaN would stay: the case has an infinity there, which is clipped.
    SPOILED["infinite"] = {2: np.inf, 5: np.inf, 6: -np.inf, 7: np.inf}
    trajectories = {}
    for name, how, by, rule in cases():
        if name == "skipNonFinite two in a row":
            how = "infinite"
        params = {k: start(k, shape) for k, shape in NAMES.items()}
        rule.begin(params)
        recorded = {}
        for k in range(1, STEPS + 1):
            grads = {n: spoiled(n, shape, k, how) for n, shape in NAMES.items()}
            params = rule.step(grads)
            if k in RECORDED:
                recorded[k] = {
                    n: np.asarray(v).ravel().tolist() for n, v in params.items()
                }
        trajectories[name] = {"by": by, "spoiled": how, "steps": recorded}
        last = recorded[STEPS]
        assert all(np.isfinite(v).all() for v in last.values()), name
    out = {"trajectories": trajectories, "clippedConvolution": clipped_convolution(),
           "layers": layers()}
    where = pathlib.Path(__file__).parents[2] / "tests/golden/transformations.json"
    where.write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(len(trajectories), "cases")


main()
