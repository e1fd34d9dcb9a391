"""PyTorch as a contestant: torch_tasks.py THREADS FOLDER eager|compiled."""
import math
import re
import sys

import torch
import torch.nn.functional as F
from torch import nn

from serve import read_workload, serve

threads, folder, how = int(sys.argv[1]), sys.argv[2], sys.argv[3]
torch.set_num_threads(threads)


def put(parameter, values):
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(values.copy()))


def linear(w, path):
    """A dense layer; its weight is stored as [in, out]."""
    weight, bias = w[f"{path}.weight"], w.get(f"{path}.bias")
    layer = nn.Linear(*weight.shape, bias=bias is not None)
    put(layer.weight, weight.T)
    if bias is not None:
        put(layer.bias, bias)
    return layer


def mlp(w):
    layers = []
    for i in range(len(w) // 2):
        layers += [linear(w, f"layers.{i}"), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def convolution(w, path):
    """A convolution; its filter is stored as [h, w, in, out]."""
    weight = w[f"{path}.weight"]
    side, _, channels, outs = weight.shape
    layer = nn.Conv2d(channels, outs, side)
    put(layer.weight, weight.transpose(3, 2, 0, 1))
    put(layer.bias, w[f"{path}.bias"])
    return layer


def cnn(w):
    hidden, channels = w["hidden.weight"], w["second.weight"].shape[3]
    side = math.isqrt(len(hidden) // channels)
    places = hidden.reshape(side, side, channels, -1).transpose(2, 0, 1, 3)
    w = {**w, "hidden.weight": places.reshape(hidden.shape)}
    return nn.Sequential(
        convolution(w, "first"), nn.MaxPool2d(2), nn.ReLU(),
        convolution(w, "second"), nn.MaxPool2d(2), nn.ReLU(),
        nn.Flatten(), linear(w, "hidden"), nn.ReLU(), linear(w, "out"),
    )


class Lstm(nn.Module):
    """Gates are stored as input, candidate, forget, output; torch's are i, f, g, o."""

    def __init__(self, w):
        super().__init__()
        weight, self.out = w["rnn.cell.gates.weight"], linear(w, "out")
        size, hidden = len(weight) - self.out.in_features, self.out.in_features
        order = [0, 2, 1, 3]
        self.rnn = nn.LSTM(size, hidden, batch_first=True)
        gates = weight.T.reshape(4, hidden, -1)[order].reshape(4 * hidden, -1)
        bias = w["rnn.cell.gates.bias"].reshape(4, hidden)[order].copy()
        bias[1] += 1
        put(self.rnn.weight_ih_l0, gates[:, :size])
        put(self.rnn.weight_hh_l0, gates[:, size:])
        put(self.rnn.bias_ih_l0, bias.reshape(-1))
        put(self.rnn.bias_hh_l0, 0 * bias.reshape(-1))
        # One bias is enough: Adam would move the sum of two by twice as much.
        self.rnn.bias_hh_l0.requires_grad_(False)

    def forward(self, x):
        return self.out(self.rnn(x)[0][:, -1])


class LstmOfCells(Lstm):
    """The same as a loop over time steps, as one writes a recurrent model oneself."""

    def __init__(self, w):
        super().__init__(w)
        layer = self.rnn
        self.rnn = nn.LSTMCell(layer.input_size, layer.hidden_size)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            setattr(self.rnn, name, getattr(layer, f"{name}_l0"))

    def forward(self, x):
        state = None
        for step in x.unbind(1):
            state = self.rnn(step, state)
        return self.out(state[0])


class Spike(torch.autograd.Function):
    """1 where the potential is above 1; its gradient is that of an arctangent."""

    @staticmethod
    def forward(ctx, v):
        ctx.save_for_backward(v)
        return (v > 1).float()

    @staticmethod
    def backward(ctx, dy):
        (v,) = ctx.saved_tensors
        return dy / (1 + (math.pi * (v - 1)) ** 2)


class Snn(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.input, self.recurrent = linear(w, "input"), linear(w, "recurrent")
        self.out = linear(w, "out")

    def forward(self, x):
        currents = self.input(x)
        v = s = rate = x.new_zeros(len(x), self.recurrent.in_features)
        for current in currents.unbind(1):
            v = 0.9 * v + 0.4 * (current + self.recurrent(s)) - s
            s = Spike.apply(v)
            rate = rate + s
        return self.out(rate / x.shape[1])


def norm(w, path):
    layer = nn.LayerNorm(len(w[f"{path}.weight"]), bias=False)
    put(layer.weight, w[f"{path}.weight"])
    return layer


class Block(nn.Module):
    def __init__(self, w, path):
        super().__init__()
        self.norm1, self.norm2 = norm(w, f"{path}.norm1"), norm(w, f"{path}.norm2")
        self.joined = linear(w, f"{path}.attention.joined")
        self.out = linear(w, f"{path}.attention.out")
        self.expand = linear(w, f"{path}.expand")
        self.contract = linear(w, f"{path}.contract")

    def forward(self, x):
        batch, time, width = x.shape
        q, k, v = (
            part.view(batch, time, 4, -1).transpose(1, 2)
            for part in self.joined(self.norm1(x)).split(width, 2)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(x.shape))
        wide = F.gelu(self.expand(self.norm2(x)), approximate="tanh")
        return x + self.contract(wide)


class Gpt(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.characters = nn.Embedding(*w["characters.weight"].shape)
        self.positions = nn.Embedding(*w["positions.weight"].shape)
        put(self.characters.weight, w["characters.weight"])
        put(self.positions.weight, w["positions.weight"])
        count = sum(path.endswith("norm1.weight") for path in w)
        self.blocks = nn.ModuleList(Block(w, f"blocks.{i}") for i in range(count))
        self.norm = norm(w, "norm")

    def forward(self, x):
        h = self.characters(x) + self.positions.weight[: x.shape[1]]
        for block in self.blocks:
            h = block(h)
        return (self.norm(h) @ self.characters.weight.T).flatten(0, 1)


MODELS = {"tiny": mlp, "mlp": mlp, "cnn": cnn, "lstm": Lstm, "snn": Snn, "gpt": Gpt}


def training(workload):
    stored = read_workload(folder, workload)
    x, y = torch.from_numpy(stored.pop("x")), torch.from_numpy(stored.pop("y")).long()
    if workload == "cnn":
        x = x.permute(0, 1, 4, 2, 3).contiguous()
    y = y.flatten(1)
    kind = LstmOfCells if how == "cells" else MODELS[re.sub(r"\d+$", "", workload)]
    model = kind(stored)
    if workload == "gpt":
        matrices = [p for p in model.parameters() if p.dim() > 1]
        others = [p for p in model.parameters() if p.dim() < 2]
        groups = [
            {"params": matrices, "weight_decay": 0.1},
            {"params": others, "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), fused=True)
    else:
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def loss(x, y):
        return F.cross_entropy(model(x), y)

    if how == "compiled":
        loss = torch.compile(loss)
    taken = 0

    def step():
        nonlocal taken
        i = taken % len(x)
        taken += 1
        optimizer.zero_grad(set_to_none=True)
        value = loss(x[i], y[i])
        value.backward()
        if workload == "gpt":
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return value

    def run(count):
        for _ in range(count):
            last = step()
        last.item()

    return lambda: [step().item() for _ in range(3)], run


def optimizer(kind, count, size):
    params = [nn.Parameter(torch.ones(int(size))) for _ in range(int(count))]
    for param in params:
        param.grad = torch.full_like(param, 0.5)
    # Not every class has a fused kernel.
    fused = {"fused": True} if kind in ("Adam", "AdamW", "SGD", "Adagrad") else {}
    stepper = getattr(torch.optim, kind)(params, lr=1e-3, **fused)
    return repeat(stepper.step)


def repeat(once):
    def run(count):
        for _ in range(count):
            once()

    return lambda: [], run


def mat_mul(m, n, k, transposes, batch=None):
    many = [] if batch is None else [int(batch)]
    m, n, k = int(m), int(n), int(k)
    a = torch.randn(*many, *((k, m) if transposes[0] == "T" else (m, k)))
    b = torch.randn(*many, *((n, k) if transposes[1] == "T" else (k, n)))
    a = a.mT if transposes[0] == "T" else a
    b = b.mT if transposes[1] == "T" else b
    return repeat(lambda: a @ b)


def convolve(what, batch, size, channels, kernel, outs):
    x = torch.randn(batch, channels, size, size)
    weight = torch.randn(outs, channels, kernel, kernel)
    if what == "forward":
        return repeat(lambda: F.conv2d(x, weight, padding=kernel // 2))
    dy, pad = torch.randn(batch, outs, size, size), [kernel // 2] * 2
    mask = [what == "input", what == "filter", False]
    backward = torch.ops.aten.convolution_backward
    return repeat(lambda: backward(
        dy, x, weight, None, [1, 1], pad, [1, 1], False, [0, 0], 1, mask))


def make(name):
    kind, *words = name.split(" ")
    if kind == "train":
        return training(words[0])
    torch.set_grad_enabled(False)
    if kind == "optimizer":
        return optimizer(*words)
    if kind == "matMul":
        return mat_mul(*words)
    if kind == "convolution":
        return convolve(words[0], *map(int, words[1:]))
    raise ValueError(f"PyTorch has nothing for {name}")


serve(f"torch {torch.__version__}", make)
